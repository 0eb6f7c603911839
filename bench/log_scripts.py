"""What the page itself measures of its log: scripts that run in it."""

from __future__ import annotations

COUNTED = """
(wanted) => new Promise((resolve) => {
  const count = document.querySelector('[data-log-count]');
  const began = performance.now();
  const look = () => count.textContent.startsWith(wanted) && resolve(performance.now() - began);
  const told = { childList: true, characterData: true, subtree: true };
  new MutationObserver(look).observe(count, told);
  document.querySelector('[data-log-all]').click();
})
"""
# All lines as the page gives them as a file; `look` is what is done with each.
_SAVED = """
(...given) => new Promise((resolve) => {
  const make = URL.createObjectURL;
  URL.createObjectURL = (blob) => {
    URL.createObjectURL = make;
    blob.text().then((text) => resolve(look(text.trimEnd().split('\\n'), ...given)));
    return make(blob);
  };
  const look = LOOK;
  document.querySelector('[data-log-save]').click();
})
"""
SAVED = _SAVED.replace(
    "LOOK",
    """(lines) => {
    const numbers = lines.map((line) => Number(/ line (\\d{7}) /.exec(line)?.[1]));
    const wrong = numbers.filter((number, at) => number !== at + 1).length;
    return { lines: numbers.length, wrong };
  }""",
)
# How many are missing or not the next one of their container.
EACH_SAVED = _SAVED.replace(
    "LOOK",
    """(lines, containers, wanted) => {
    const last = new Map();
    let wrong = Math.abs(containers * wanted - lines.length);
    for (const line of lines) {
      const [, name, number] = /(fifty-\\d+) line (\\d+) of/.exec(line) ?? [];
      wrong += Number(number) !== (last.get(name) ?? 0) + 1;
      last.set(name, Number(number));
    }
    return wrong;
  }""",
)
FIRST = """
() => {
  let began = 0;
  addEventListener('click', () => { began = performance.now(); }, { capture: true, once: true });
  window.firstLine = new Promise((resolve) => {
    const looked = new MutationObserver(() => {
      if (!document.querySelector('.log-line')) return;
      looked.disconnect();
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => resolve(performance.now() - began);
        channel.port2.postMessage(0);
      });
    });
    looked.observe(document, { childList: true, subtree: true });
  });
}
"""
AGES = """
(seconds) => new Promise((resolve) => {
  const ages = [];
  const until = performance.now() + seconds * 1000;
  const look = () => {
    const newest = [...document.querySelectorAll('.log-line time')].at(-1);
    if (newest) ages.push(Date.now() - Number(newest.dataset.ms));
    if (performance.now() > until) resolve(ages);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})
"""
SEARCHED = """
(text) => new Promise((resolve) => {
  const hits = document.querySelector('[data-log-hits]');
  const field = document.querySelector('#log-q');
  const began = performance.now();
  new MutationObserver(() => hits.textContent === '1 hits' && resolve(performance.now() - began))
    .observe(hits, { childList: true, characterData: true, subtree: true });
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
})
"""
LONG = """
() => {
  window.longTasks = [];
  new PerformanceObserver((found) => {
    for (const task of found.getEntries()) window.longTasks.push(task.duration);
  }).observe({ type: 'longtask' });
}
"""
LONGEST = """
() => new Promise((resolve) => {
  setTimeout(() => resolve(Math.max(0, ...window.longTasks.splice(0))), 100);
})
"""
# Jumps to parts of the log; how long until a line from about there stands in the middle.
SCROLLED = """
async (lines, parts) => {
  const scroll = document.querySelector('[data-log-scroll]');
  const frame = () => new Promise(requestAnimationFrame);
  const middle = () => {
    const { left, top, height } = scroll.getBoundingClientRect();
    const line = document.elementFromPoint(left + 100, top + height / 2)?.closest('.log-line');
    return Number(/line (\\d{7}) of/.exec(line?.textContent)?.[1]);
  };
  const times = [];
  for (const part of parts) {
    // Away from the end, which is followed; the rows that this asks for have come then.
    scroll.dispatchEvent(new WheelEvent('wheel', { deltaY: -1, bubbles: true, cancelable: true }));
    await new Promise((go) => setTimeout(go, 200));
    const began = performance.now();
    scroll.scrollTop = part * (scroll.scrollHeight - scroll.clientHeight);
    while (!(Math.abs(middle() - part * lines) < lines / 100)) {
      if (performance.now() - began > 10_000) throw new Error(`${part}: line ${middle()} is there`);
      await frame();
    }
    await frame();
    times.push(performance.now() - began);
  }
  return times;
}
"""
