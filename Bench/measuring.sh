# What the scripts that measure share, on top of packages.sh: a release build, a place for servers' data, and a generator
# that is waited for and cleaned up behind.

# Builds both programs; their directory is then in `bin`.
build_release() {
    echo "$script: building in release mode"
    swift build -c release --product corral
    swift build -c release --product corral-bench
    bin="$(swift build -c release --show-bin-path)"
    CORRAL_BENCH_COMPILER="$(swift --version 2>/dev/null | head -n 1), -c release"
    export CORRAL_BENCH_COMPILER
}

data_root=""
bench_pid=""
clean_up() {
    if [ -n "$bench_pid" ] && kill -0 "$bench_pid" 2>/dev/null; then
        kill -TERM "$bench_pid" 2>/dev/null || true
        wait "$bench_pid" 2>/dev/null || true
    fi
    # Servers that outlived the generator, by the process ids it left; only if they still run from our directory.
    local file pid
    for file in "$data_root"/*/server.pid "$data_root"/*/*/server.pid; do
        [ -r "$file" ] || continue
        pid="$(cat "$file")"
        if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$data_root"; then kill -KILL "$pid" || true; fi
    done
    rm -rf "$data_root"
}

# Makes `data_root`, and sees to it that nothing is left behind.
make_data_root() {
    # On the repository's own file system: /tmp may be memory, where fsync costs nothing.
    # Relative, so that results name no directory of this machine.
    data_root="$(mktemp -d .build/bench-data.XXXXXX)"
    trap clean_up EXIT
    # Ctrl-C reaches the generator too, which writes a partial result; wait for it.
    trap ':' INT
    trap '[ -z "$bench_pid" ] || kill -TERM "$bench_pid" 2>/dev/null || true' TERM
}

# Waits for the generator, however many signals come meanwhile, and leaves its exit code in `status`.
await_bench() {
    while :; do
        status=0
        wait "$bench_pid" || status=$?
        kill -0 "$bench_pid" 2>/dev/null || break
    done
    bench_pid=""
}

# measure SECONDS COMMAND...: runs it for at most so long and leaves its exit code in `status`.
measure() {
    local limit="$1"
    shift
    # --foreground: the terminal's Ctrl-C must reach the generator.
    timeout --foreground --kill-after=30 "$limit" "$@" &
    bench_pid=$!
    await_bench
}

# measure_unlimited COMMAND...: the same for as long as it takes.
measure_unlimited() {
    "$@" &
    bench_pid=$!
    await_bench
}
