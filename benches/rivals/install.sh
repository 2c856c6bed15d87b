#!/usr/bin/env bash
# Installs what `cargo bench --bench rivals` compares with. Run it as often as you like: what is
# there stays. Nothing goes into the checkout; everything but Debian's packages goes under
# $P2PFS_BENCH_ROOT, or ~/.cache/p2pfs-bench.
#
#   benches/rivals/install.sh                       everything
#   benches/rivals/install.sh debian b3sum          only these
#
# JOBS=1 keeps cargo from taking the whole machine.
set -euo pipefail

root="${P2PFS_BENCH_ROOT:-$HOME/.cache/p2pfs-bench}"
jobs="${JOBS:-$(nproc)}"
mkdir -p "$root"

# The versions that the bench was written for: command lines change.
sendme=0.37.1
rqbit=9.1.0
b3sum=1.8.7
libtorrent=2.1.1

debian() {
    local wanted=()
    command -v nginx >/dev/null || [[ -x /usr/sbin/nginx ]] || wanted+=(nginx-light)
    command -v curl >/dev/null || wanted+=(curl)
    command -v openssl >/dev/null || wanted+=(openssl)
    command -v sha1sum >/dev/null || wanted+=(coreutils)
    # The bench makes a network of its own with these.
    command -v unshare >/dev/null || wanted+=(util-linux)
    command -v ip >/dev/null || wanted+=(iproute2)
    python3 -c 'import venv, ensurepip' 2>/dev/null || wanted+=(python3-venv)
    # rqbit is built against the system's OpenSSL.
    command -v pkg-config >/dev/null || wanted+=(pkg-config)
    pkg-config --exists openssl 2>/dev/null || wanted+=(libssl-dev)
    if ((${#wanted[@]} == 0)); then
        return
    fi
    local sudo=()
    [[ $EUID == 0 ]] || sudo=(sudo)
    "${sudo[@]}" apt-get update
    "${sudo[@]}" apt-get install -y --no-install-recommends "${wanted[@]}"
}

# cargo leaves a program alone that it has installed in this version.
crate() {
    nice -n 19 cargo install --locked -j "$jobs" --root "$root" "$@"
}

b3sum() { crate "b3sum@$b3sum"; }
# Without its clipboard, which a bench has no use for.
sendme() { crate "sendme@$sendme" --no-default-features; }
# Without its web pages and PostgreSQL.
rqbit() { crate "rqbit@$rqbit" --no-default-features --features default-tls; }

libtorrent() {
    [[ -x $root/venv/bin/python ]] || python3 -m venv "$root/venv"
    "$root/venv/bin/pip" install --quiet --disable-pip-version-check "libtorrent==$libtorrent"
}

if (($# == 0)); then
    set -- debian libtorrent b3sum rqbit sendme
fi
for what in "$@"; do
    case $what in
        debian | libtorrent | b3sum | rqbit | sendme)
            printf '== %s\n' "$what"
            "$what"
            ;;
        *)
            printf 'nothing called %s: debian, libtorrent, b3sum, rqbit, sendme\n' "$what" >&2
            exit 2
            ;;
    esac
done
printf 'installed in %s\n' "$root"
