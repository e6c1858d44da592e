#!/usr/bin/env bash
# Runs the fuzzers that build/fuzz holds, each for so many seconds, then says how many lines of each reader all inputs
# together reach. New inputs go to build/fuzz/inputs, those that crash to build/fuzz/crash-*. Called by `./run fuzz`.
# Usage: fuzz/fuzz.sh SECONDS
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../build/fuzz"
corpus=../../fuzz/corpus
seconds=$1

# A header of a few bytes may ask for gigabytes, or for hours: both count as crashes.
limits=(-rss_limit_mb=1024 -timeout=10 -verbosity=0)
# The files of each reader, without what only writes, prints or names what has been read.
declare -A files=(
  [config]='rotary/config/[a-z_]*[.]cc' [gguf]='io/gguf[.]cc' [rotation]='io/(rotation_json|json)[.]cc'
  [npy]='io/npy[.]cc' [safetensors]='io/safetensors[.]cc'
)
others='(config_layout|fingerprint|inspect|query_key_rows)[.]cc'

for target in config gguf npy rotation safetensors; do
  echo "== $target"
  mkdir -p "inputs/$target"
  LLVM_PROFILE_FILE=/dev/null "fuzz/fuzz_$target" "inputs/$target" "$corpus/$target" "${limits[@]}" -max_len=4096 \
    -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="crash-$target-" 2>&1 |
    { grep -vE '^(#|INFO|"|\s*NEW_FUNC)' || true; }
  LLVM_PROFILE_FILE="$target.profraw" "fuzz/fuzz_$target" "inputs/$target" "$corpus/$target" "${limits[@]}" -runs=0
  llvm-profdata merge -o "$target.profdata" "$target.profraw"
  llvm-cov report "fuzz/fuzz_$target" -instr-profile "$target.profdata" |
    awk -v files="${files[$target]}" -v others="$others" '
      $1 ~ files && $1 !~ others { lines += $8; missed += $9; printf "%-40s %5d lines %8s\n", $1, $8, $10 }
      END { printf "%-40s %5d lines %7.2f%% reached\n", "together", lines, 100 * (lines - missed) / lines }'
done
