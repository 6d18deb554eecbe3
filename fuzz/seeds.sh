#!/usr/bin/env bash
# The golden cases as the corpus that fuzzing begins with.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mkdir -p corpus/page
for case in ../tests/cases/*/; do
    cp "$case/bundle.json" "corpus/page/$(basename "$case")"
done
