# shellcheck shell=bash
# The Podman service of the lab: read by lab.sh, which has the network, the image and the settings.

podman_settings() { # runc and cgroupfs work with either version of control groups, the limits without CAP_SYS_RESOURCE
  local d=$LAB/podman
  printf '%s\n' '[storage]' 'driver = "overlay"' "graphroot = \"$d/data\"" "runroot = \"$d/run\"" >"$d/storage.conf"
  printf '%s\n' '[containers]' 'log_driver = "k8s-file"' 'default_ulimits = ["nofile=10000:10000", "nproc=10000:10000"]' \
    '[network]' "network_config_dir = \"$d/networks\"" \
    '[engine]' 'cgroup_manager = "cgroupfs"' 'runtime = "runc"' 'events_logger = "file"' \
    "tmp_dir = \"$d/tmp\"" >"$d/containers.conf"
  printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$REGISTRY" "$PRIVATE_REGISTRY" >"$d/registries.conf"
}

podman_run() { # bounded, for it also runs while everything is torn down
  CONTAINERS_STORAGE_CONF=$LAB/podman/storage.conf CONTAINERS_CONF=$LAB/podman/containers.conf \
    timeout 20 nsenter --net="/run/netns/$P-pod" podman "$@"
}

podman_up() {
  local d=$LAB/podman
  [ -S "$d/podman.sock" ] && return 0
  mkdir -p "$d/tmp"
  podman_settings
  plug_in pod 6
  # shellcheck disable=SC2016
  CONTAINERS_STORAGE_CONF=$d/storage.conf CONTAINERS_CONF=$d/containers.conf CONTAINERS_REGISTRIES_CONF=$d/registries.conf \
    setsid nsenter --net="/run/netns/$P-pod" unshare -u sh -c 'hostname "$1"; exec podman system service --time=0 "$2"' \
    sh "$P-podman" "unix://$d/podman.sock" >>"$d/log" 2>&1 </dev/null &
  for _ in $(seq 1 100); do
    curl -fsS -m 2 --unix-socket "$d/podman.sock" http://podman/_ping >/dev/null 2>&1 && break
    sleep .1
  done
  busybox_tree
  podman_run import -q -c 'CMD ["sh"]' "$LAB/busybox.tar" "docker.io/$IMAGE" >/dev/null 2>&1 || {
    tail -5 "$d/log"
    fail "Podman took no image"
  }
}

pids_of_podman() { # the containers are children of conmon, in namespaces of their own
  local pid
  for pid in $(ip netns pids "$P-pod" 2>/dev/null); do
    echo "$pid"
    ps -o pid= --ppid "$pid"
  done | sort -un
}

podman_off() { # Podman itself first: it knows the namespaces that it made for its containers
  podman_run unpause --all >/dev/null 2>&1
  podman_run rm --all --force --time 0 >/dev/null 2>&1
  kill_all pids_of_podman
  rmdir /sys/fs/cgroup/*/libpod_parent 2>/dev/null # only while nobody else's Podman uses it
}
