#!/usr/bin/env bash
# The golden cases and the wordings of narrative as the corpora that fuzzing begins with.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mkdir -p corpus/page corpus/narrative
for case in ../tests/cases/*/ ../tests/cases/shapes/*/; do
    if [ -f "$case/bundle.json" ]; then
        cp "$case/bundle.json" "corpus/page/$(basename "$case")"
    fi
done
for language in ../tests/narrative/*.tsv; do
    cut -f 2 "$language" | split --lines 20 - "corpus/narrative/$(basename "$language")."
done
