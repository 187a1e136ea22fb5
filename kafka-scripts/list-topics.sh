#!/usr/bin/env bash
# The names of all topics. BOOTSTRAP=host:port,… names the brokers; by default those of `cluster`.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
adopt_version

topics --list
