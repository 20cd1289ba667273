# Source this, from bash or from the top folder, for a shell that finds what tools/setup found:
#   . ./tools/env.sh
_here=${BASH_SOURCE:-./tools/env.sh}
if [ -f "${_here%/*}/../.toolchain/env" ]; then
    . "${_here%/*}/../.toolchain/env"
else
    echo 'run tools/setup first' >&2
    false
fi
