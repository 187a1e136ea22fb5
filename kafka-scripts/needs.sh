# What a machine needs: installed where that is allowed, else the one line to run is printed. Sourced, never run.
# shellcheck shell=bash

as_root() { [ "$(id -u)" = 0 ]; }

install_packages() { # packages…
    if as_root && command -v apt-get >/dev/null; then
        echo "installing $*" >&2
        apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
    else
        echo "missing: $*; run: sudo apt-get install -y $*" >&2
        exit 1
    fi
}

# librdkafka is compiled from source: it wants a C++ compiler although only its C part is used, and OpenSSL's headers.
need_for_build() {
    if ! command -v cargo >/dev/null && [ -f "$HOME/.cargo/env" ]; then
        # shellcheck source=/dev/null
        source "$HOME/.cargo/env"
    fi
    command -v cargo >/dev/null || { echo "missing: Rust; see https://rustup.rs" >&2; exit 1; }
    local missing=()
    command -v c++ >/dev/null || missing+=(g++)
    command -v make >/dev/null || missing+=(make)
    command -v pkg-config >/dev/null || missing+=(pkg-config)
    { command -v pkg-config >/dev/null && pkg-config --exists openssl; } || missing+=(libssl-dev)
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
}

need_for_real_brokers() {
    local missing=()
    command -v java >/dev/null || missing+=(default-jre-headless)
    command -v mvn >/dev/null || missing+=(maven)
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
}
