#!/bin/bash
# A lab of Docker hosts on one machine: real engines, real TLS, real cables to pull.
#
#   lab.sh start [N]    N hosts (3), two registries (open :5000, password :5001), a switch between them
#   lab.sh ssh          an sshd on every host, keys in $LAB/ssh
#   lab.sh seed         the image lab/busybox:1 on every host and in the open registry
#   lab.sh podman       a Podman service with the same image, socket $LAB/podman/podman.sock
#   lab.sh run I N      N small web containers (web-1, web-2, ...) of a Compose project "shop" on host I
#   lab.sh demo         on every host a small shop: healthy, unhealthy, crashed, paused and restarting containers
#   lab.sh kill I       power off host I at once: daemon, containerd and containers      lab.sh up I    power it on again
#   lab.sh cut I        pull the cable of host I                                         lab.sh heal I  plug it in again
#   lab.sh pace [RATE]  let the registries send no faster, such as 40mbit; without a rate as fast as they can
#   lab.sh status       who answers            lab.sh env I   DOCKER_* of host I for eval
#   lab.sh stop         end all of it and remove what it made
#
# Needs root and the packages of scripts/install-test-packages. Settings: LAB (folder), LAB_PREFIX (start of every name,
# at most 10 letters), LAB_NET (first three numbers of its network); the folder remembers the other two, so later calls
# need only LAB. Everything it makes is in that folder, in network namespaces and control groups named after the prefix,
# and one veth. It touches no firewall rule and no bridge of the machine itself, and the hosts have no way out.
set -u
export LC_ALL=C

LAB=${LAB:-${TMPDIR:-/tmp}/quayside-lab}
if [ -f "$LAB/settings" ]; then
  # shellcheck source=/dev/null
  . "$LAB/settings"
else
  P=${LAB_PREFIX:-qlab}
  NET=${LAB_NET:-10.213.0}
fi
DOCKER=${DOCKER:-/usr/bin/docker} # another client may come first in PATH
REGISTRY=$NET.5:5000
PRIVATE_REGISTRY=$NET.5:5001
IMAGE=lab/busybox:1

log() { echo "[$(date +%T)] lab: $*"; }
fail() { echo "lab: $*" >&2; exit 1; }

# "ip netns exec" would remount /sys and hide the control groups from the daemons.
ns() { local name=$1; shift; nsenter --net="/run/netns/$P-$name" "$@"; }
namespaces() { ip netns list | awk -v p="$P-" 'index($1, p) == 1 && substr($1, length(p) + 1) ~ /^(h[0-9]+|sw|reg|pod)$/ { print $1 }'; }
hosts() { if [ -f "$LAB/n" ]; then seq 1 "$(cat "$LAB/n")"; fi; }
address() { echo "$NET.$((10 + $1))"; }
socket() { echo "unix://$LAB/h$1/docker.sock"; }
on() { local i=$1; shift; "$DOCKER" -H "$(socket "$i")" "$@"; }
need_host() { [[ ${1:-} =~ ^[0-9]+$ ]] && [ -d "$LAB/h$1" ] || fail "which host? 1 to $(cat "$LAB/n" 2>/dev/null || echo 0)"; }
need_lab() { [ -f "$LAB/n" ] || fail "no lab runs in $LAB: lab.sh start"; }
# shellcheck source=tests/lab/podman.sh
. "$(dirname "${BASH_SOURCE[0]}")/podman.sh"

# ---------------------------------------------------------------------------------------------------------- network

plug_in() { # plug_in NAME LAST_NUMBER: a namespace with one cable to the switch
  local name=$1 last=$2
  ip netns add "$P-$name"
  ip link add "$P-$name" type veth peer name eth0 netns "$P-$name"
  ip link set "$P-$name" netns "$P-sw"
  ip -n "$P-sw" link set "$P-$name" master br0 up
  ip -n "$P-$name" addr add "$NET.$last/24" dev eth0
  ip -n "$P-$name" link set eth0 up
  ip -n "$P-$name" link set lo up
}

network_up() {
  local i
  ip netns add "$P-sw" || return 1
  ip -n "$P-sw" link set lo up
  ip -n "$P-sw" link add br0 type bridge
  ip -n "$P-sw" link set br0 up
  ip link add "$P-root" type veth peer name root netns "$P-sw" || return 1
  ip -n "$P-sw" link set root master br0 up
  ip addr add "$NET.1/24" dev "$P-root" || return 1
  ip link set "$P-root" up
  plug_in reg 5
  for i in $(hosts); do plug_in "h$i" $((10 + i)); done
}

# ---------------------------------------------------------------------------------------------------------- keys

leaf() { # leaf NAME EXTENSION...: a key and a certificate signed by the lab's authority
  local name=$1; shift
  openssl ecparam -name prime256v1 -genkey -noout -out "$name-key.pem"
  openssl req -new -key "$name-key.pem" -subj "/CN=$name" -out "$name.csr" 2>/dev/null
  printf '%s\n' "$@" authorityKeyIdentifier=keyid keyUsage=critical,digitalSignature \
    basicConstraints=critical,CA:FALSE >"$name.ext"
  openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 365 \
    -out "$name-cert.pem" -extfile "$name.ext" 2>/dev/null
  rm -f "$name.csr" "$name.ext"
}

certificates() {
  local i
  mkdir -p "$LAB/tls/client"
  cd "$LAB/tls" || return 1
  openssl ecparam -name prime256v1 -genkey -noout -out ca-key.pem
  openssl req -x509 -new -key ca-key.pem -days 365 -subj "/CN=$P-ca" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" -out ca.pem 2>/dev/null
  for i in $(hosts); do
    leaf "h$i" "subjectAltName=DNS:h$i,DNS:localhost,IP:$(address "$i"),IP:127.0.0.1" extendedKeyUsage=serverAuth
  done
  leaf client extendedKeyUsage=clientAuth
  cp ca.pem client/ca.pem
  mv client-cert.pem client/cert.pem
  mv client-key.pem client/key.pem
  cd / || return 1
}

# ---------------------------------------------------------------------------------------------------------- hosts

storage_driver() { # an overlay cannot lie on an overlay, as where the machine is itself a container
  if [ "$(stat -f -c %T "$LAB")" = overlayfs ]; then echo vfs; else echo overlay2; fi
}

daemon_settings() { # the key path gives every daemon its own ID; else all take /etc/docker/key.json
  local i=$1 h=$LAB/h$1
  cat <<JSON
{"hosts": ["unix://$h/docker.sock", "tcp://$(address "$i"):2376"],
 "tls": true, "tlsverify": true, "tlscacert": "$LAB/tls/ca.pem",
 "tlscert": "$LAB/tls/h$i-cert.pem", "tlskey": "$LAB/tls/h$i-key.pem",
 "data-root": "$h/data", "exec-root": "$h/exec", "pidfile": "$h/pid", "deprecated-key-path": "$h/key.json",
 "cgroup-parent": "/$P/h$i", "storage-driver": "$(storage_driver)", "labels": ["lab.host=h$i"],
 "insecure-registries": ["$REGISTRY", "$PRIVATE_REGISTRY"], "live-restore": false,
 "bip": "10.$((60 + i)).0.1/24", "default-address-pools": [{"base": "10.$((100 + i)).0.0/16", "size": 24}]}
JSON
}

power_on() {
  local i=$1 h=$LAB/h$1
  mkdir -p "$h"
  rm -f "$h/pid" "$h/exec/containerd/containerd.pid"
  daemon_settings "$i" >"$h/daemon.json"
  # A UTS namespace gives the host a name of its own.
  # shellcheck disable=SC2016
  setsid nsenter --net="/run/netns/$P-h$i" unshare -u sh -c 'hostname "$1"; exec dockerd --config-file "$2"' \
    sh "$P-h$i" "$h/daemon.json" >>"$h/log" 2>&1 </dev/null &
  if [ -f "$h/sshd.conf" ]; then start_sshd "$i"; fi
}

wait_ready() {
  local i=$1
  for _ in $(seq 1 300); do
    curl -fsS -m 2 --unix-socket "$LAB/h$i/docker.sock" http://docker/_ping >/dev/null 2>&1 && return 0
    sleep .1
  done
  log "host $i is not ready; the end of its log:"
  tail -5 "$LAB/h$i/log"
  return 1
}

pids_of() { # every process of host I: those in its namespace and, by control group, those of its containers
  { ip netns pids "$P-h$1" 2>/dev/null
    cat "/sys/fs/cgroup/pids/$P/h$1"/*/cgroup.procs "/sys/fs/cgroup/$P/h$1"/*/cgroup.procs 2>/dev/null
  } | sort -un
}

thaw() { # a paused container would not hear even a kill
  local state
  for state in "/sys/fs/cgroup/freezer/$P/h$1"/*/freezer.state; do [ -f "$state" ] && echo THAWED >"$state"; done
  for state in "/sys/fs/cgroup/$P/h$1"/*/cgroup.freeze; do [ -f "$state" ] && echo 0 >"$state"; done
  return 0
}

kill_all() { # kill_all COMMAND...: kill what the command lists until it lists nothing
  local pids
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    pids=$("$@")
    [ -z "$pids" ] && return 0
    # shellcheck disable=SC2086
    kill -9 $pids 2>/dev/null
    sleep .1
  done
}

unmount_under() {
  findmnt -rno TARGET | awk -v d="$1/" 'index($0, d) == 1' | sort -r | xargs -r umount -l 2>/dev/null
}

power_off() {
  local i=$1 link
  thaw "$i"
  kill_all pids_of "$i"
  unmount_under "$LAB/h$i"
  [ -e "/run/netns/$P-h$i" ] || return 0
  for link in $(ns "h$i" ip -br link | awk '{ sub(/@.*/, "", $1); print $1 }' | grep -vxE 'lo|eth0|ifb[0-9]'); do
    ns "h$i" ip link del "$link" 2>/dev/null
  done
  return 0
}

start_sshd() { ns "h$1" /usr/sbin/sshd -f "$LAB/h$1/sshd.conf" -E "$LAB/h$1/sshd.log"; }

sshd_settings() { # SetEnv picks the daemon that "docker system dial-stdio" speaks to
  local i=$1
  printf '%s\n' "ListenAddress $(address "$i"):22" "HostKey $LAB/ssh/hostkey" "AuthorizedKeysFile $LAB/ssh/id.pub" \
    "PidFile $LAB/h$i/sshd.pid" "StrictModes no" "UsePAM no" "PasswordAuthentication no" \
    "PermitRootLogin prohibit-password" "MaxStartups 200" "MaxSessions 200" "SetEnv DOCKER_HOST=$(socket "$i")"
}

ssh_up() {
  local i s=$LAB/ssh
  mkdir -p "$s/bin" /run/sshd
  for key in id hostkey; do
    [ -f "$s/$key" ] || ssh-keygen -q -t ed25519 -N '' -C "$P" -f "$s/$key"
  done
  : >"$s/known_hosts"
  for i in $(hosts); do
    echo "$(address "$i") $(cut -d' ' -f1,2 "$s/hostkey.pub")" >>"$s/known_hosts"
    [ -f "$LAB/h$i/sshd.conf" ] && continue
    sshd_settings "$i" >"$LAB/h$i/sshd.conf"
    start_sshd "$i"
  done
  printf '%s\n' "Host *" "  IdentityFile $s/id" "  IdentitiesOnly yes" "  UserKnownHostsFile $s/known_hosts" \
    "  StrictHostKeyChecking yes" >"$s/config"
  # OpenSSH takes no notice of $HOME, so the docker client gets an ssh of its own through PATH.
  printf '#!/bin/sh\nexec /usr/bin/ssh -F %s/config "$@"\n' "$s" >"$s/bin/ssh"
  chmod +x "$s/bin/ssh"
}

# ---------------------------------------------------------------------------------------------------------- registries

registry() { # registry NAME PORT [EXTRA SETTINGS]
  local name=$1 port=$2 extra=${3:-} d=$LAB/$1
  mkdir -p "$d/data"
  cat >"$d/config.yml" <<YAML
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: $d/data}
  delete: {enabled: true}
http: {addr: '$NET.5:$port'}
$extra
YAML
  setsid nsenter --net="/run/netns/$P-reg" docker-registry serve "$d/config.yml" >>"$d/log" 2>&1 </dev/null &
}

registries() {
  registry reg-open 5000
  mkdir -p "$LAB/reg-auth"
  htpasswd -Bbn lab labpass >"$LAB/reg-auth/htpasswd"
  registry reg-auth 5001 "auth: {htpasswd: {realm: lab, path: '$LAB/reg-auth/htpasswd'}}"
}

pace() { # pace [RATE]: a slow line between the registries and everybody
  ns reg tc qdisc del dev eth0 root 2>/dev/null
  [ -z "$1" ] || ns reg tc qdisc add dev eth0 root tbf rate "$1" burst 64kb latency 400ms
}

# ---------------------------------------------------------------------------------------------------------- images

busybox_tree() { # a root file system of one static program
  local d applet
  [ -f "$LAB/busybox.tar" ] && return 0
  d=$(mktemp -d)
  mkdir -p "$d/bin" "$d/tmp" "$d/etc"
  cp /usr/bin/busybox "$d/bin/"
  for applet in $("$d/bin/busybox" --list); do [ "$applet" = busybox ] || ln -s busybox "$d/bin/$applet"; done
  echo 'root:x:0:0::/:/bin/sh' >"$d/etc/passwd"
  tar -C "$d" -cf "$LAB/busybox.tar" .
  rm -rf "$d"
}

wait_registry() {
  for _ in $(seq 1 100); do
    curl -fsS -m 2 "http://$REGISTRY/v2/" >/dev/null 2>&1 && return 0
    sleep .1
  done
  fail "the registry does not answer: $LAB/reg-open/log"
}

seed() {
  local i
  busybox_tree
  for i in $(hosts); do
    on "$i" import -c 'CMD ["sh"]' "$LAB/busybox.tar" "$IMAGE" >/dev/null || fail "no image on host $i"
  done
  wait_registry
  on 1 tag "$IMAGE" "$REGISTRY/busybox:1"
  on 1 push -q "$REGISTRY/busybox:1" >/dev/null || fail "the registry takes no image"
}

# ---------------------------------------------------------------------------------------------------------- containers

# A first process that obeys TERM at once: busybox's own sleep would let every stop wait its ten seconds.
# shellcheck disable=SC2016
STAY='trap "exit 0" TERM; n=0; while :; do n=$((n + 1)); echo "request $n served"; sleep ${PACE:-30} & wait $!; done'

shop() { # shop I NAME [DOCKER ARGUMENT...] -- COMMAND...: one container of the project "shop"
  local i=$1 name=$2 options=(); shift 2
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  on "$i" run -d --name "$name" --hostname "$name" --label com.docker.compose.project=shop \
    --label "com.docker.compose.service=${name%-*}" --label "com.docker.compose.container-number=${name##*-}" \
    "${options[@]}" "$IMAGE" "$@" >/dev/null
}

run_containers() {
  local i=$1 count=$2 k running=0 there
  there=$(on "$i" ps -a --format '{{.Names}}')
  for k in $(seq 1 "$count"); do
    if grep -qx "web-$k" <<<"$there"; then continue; fi
    shop "$i" "web-$k" -- sh -c "$STAY" &
    running=$((running + 1))
    if [ $((running % 4)) = 0 ]; then wait; fi
  done
  wait
  [ "$(on "$i" ps -q --filter label=com.docker.compose.project=shop | wc -l)" -ge "$count" ] || fail "not all containers of host $i run"
}

demo_host() {
  local i=$1
  run_containers "$i" 3
  shop "$i" db-1 -e PACE=5 --health-cmd true --health-interval 5s -v shop-data:/data -- sh -c "$STAY"
  shop "$i" mail-1 --health-cmd 'echo "no answer on port 25"; exit 1' --health-interval 2s --health-retries 1 -- sh -c "$STAY"
  shop "$i" page-1 -p "808$i:80" -- sh -c 'trap "exit 0" TERM; echo "hello from the lab" >/tmp/index.html; httpd -f -p 80 -h /tmp & wait'
  shop "$i" import-1 -- sh -c 'echo "orders.csv: no such file" >&2; exit 3'
  shop "$i" flaky-1 --restart on-failure:20 -- sh -c 'echo starting; sleep 20; exit 1'
  shop "$i" cache-1 -- sh -c "$STAY"
  on "$i" pause cache-1 >/dev/null
}

demo() { local i; for i in $(hosts); do demo_host "$i"; done; }

# ---------------------------------------------------------------------------------------------------------- the whole

start() {
  local i count=${1:-3} began
  began=$(date +%s%N)
  [ "$(id -u)" = 0 ] || fail "only root can make a lab"
  [ ${#P} -le 10 ] || fail "LAB_PREFIX is too long: $P"
  if [ -n "$(namespaces)" ]; then
    [ -f "$LAB/n" ] && fail "a lab runs in $LAB already"
    fail "namespaces $P-* exist: another lab runs, or one crashed. LAB_PREFIX=$P $0 stop removes it"
  fi
  if [ -f "$LAB/n" ]; then stop; fi # left by a machine that went down
  mkdir -p "$LAB"
  printf 'P=%q\nNET=%q\n' "$P" "$NET" >"$LAB/settings"
  echo "$count" >"$LAB/n"
  if ! { network_up && certificates; }; then stop; fail "no network: is $NET.0/24 in use?"; fi
  registries
  for i in $(hosts); do power_on "$i"; done
  for i in $(hosts); do wait_ready "$i" || exit 1; done
  log "$count hosts ready after $((($(date +%s%N) - began) / 1000000)) ms; client certificate in $LAB/tls/client"
}

stop() { # all at once: the data goes anyway, and a graceful end waits for every container that ignores TERM
  local name dir
  for name in $(namespaces); do
    case $name in
      "$P"-h*) power_off "${name#"$P-h"}" ;;
      "$P-pod") podman_off ;;
      *) kill_all ip netns pids "$name" ;;
    esac
  done
  unmount_under "$LAB"
  for name in $(namespaces); do ip netns del "$name"; done
  ip link del "$P-root" 2>/dev/null
  for dir in /sys/fs/cgroup/*/"$P" "/sys/fs/cgroup/$P"; do
    [ -d "$dir" ] && find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null
  done
  # Only a folder that this script made: LAB may be a mistake.
  if [ -f "$LAB/settings" ]; then rm -rf "$LAB"; fi
  log stopped
}

status() {
  local i r c=$LAB/tls/client
  for i in $(hosts); do
    printf 'host %s  tcp://%s:2376  %s  ' "$i" "$(address "$i")" "$(socket "$i")"
    curl -sS -m 3 --cacert "$c/ca.pem" --cert "$c/cert.pem" --key "$c/key.pem" "https://$(address "$i"):2376/_ping"
    echo "  $(pids_of "$i" | wc -l) processes"
  done
  for r in "$REGISTRY" "$PRIVATE_REGISTRY"; do
    printf 'registry %s  ' "$r"
    curl -sS -m 3 -o /dev/null -w '%{http_code}\n' "http://$r/v2/"
  done
  if [ -S "$LAB/podman/podman.sock" ]; then echo "podman  unix://$LAB/podman/podman.sock"; fi
}

case ${1:-} in
  start) start "${2:-3}" ;;
  stop) stop ;;
  status) need_lab; status ;;
  env) need_lab; need_host "${2:-}"; echo "export DOCKER_HOST=tcp://$(address "$2"):2376 DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$LAB/tls/client" ;;
  kill) need_lab; need_host "${2:-}"; power_off "$2" ;;
  up) need_lab; need_host "${2:-}"; power_on "$2"; wait_ready "$2" ;;
  cut) need_lab; need_host "${2:-}"; ip -n "$P-sw" link set "$P-h$2" down ;;
  heal) need_lab; need_host "${2:-}"; ip -n "$P-sw" link set "$P-h$2" up ;;
  pace) need_lab; pace "${2:-}" ;;
  ssh) need_lab; ssh_up ;;
  seed) need_lab; seed ;;
  podman) need_lab; podman_up ;;
  run) need_lab; need_host "${2:-}"; run_containers "$2" "${3:-3}" ;;
  demo) need_lab; demo ;;
  *) sed -n '2,19s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
