# What Bench/run and Tests/run share: a fixed locale, and packages installed. `script` names the caller in messages.

# In the C locale, which a bare machine has, gnuplot and Java cannot write signs beyond ASCII.
export LC_ALL=C.UTF-8

die() {
    echo "$script: $1" >&2
    exit "${2:-1}"
}

# install REASON PACKAGE...: says what for, then installs; ends with one clear message where that is not possible.
install() {
    local reason="$1"
    shift
    command -v apt-get >/dev/null ||
        die "$reason needs the packages $* (Debian names); apt-get is not here, install them by hand and run again"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null ||
            die "$reason needs the packages $*: run 'apt-get install $*' as root and then this again"
        as_root=(sudo -n)
    fi
    echo "$script: $reason needs the packages $*; installing them with apt-get"
    { "${as_root[@]}" apt-get update -qq &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
            >/dev/null; } ||
        die "apt-get could not install $*"
}

need_swift() {
    command -v swift >/dev/null || die \
        "no Swift toolchain: install Swift 6.2 or newer (https://www.swift.org/install/linux) and put 'swift' in PATH"
}

# Whether the C compiler finds a header.
have_header() {
    local compiler
    compiler="$(command -v clang || command -v cc || true)"
    if [ -n "$compiler" ]; then
        echo "#include <$1>" | "$compiler" -E -x c - >/dev/null 2>&1
    else
        [ -r "/usr/include/$1" ]
    fi
}

# What the build links.
need_build_packages() {
    need_swift
    local missing=()
    have_header jemalloc/jemalloc.h || missing+=(libjemalloc-dev)
    have_header libdeflate.h || missing+=(libdeflate-dev)
    have_header histedit.h || missing+=(libedit-dev)
    [ ${#missing[@]} -eq 0 ] || install "the build" "${missing[@]}"
}
