//! Wordings of HER2 results with what a person reads in them: nothing wrong may be read, and most must be found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use her2_adapter::her2::evidence::IshWord;
use her2_adapter::her2::reason::score_names;
use her2_adapter::mapping::narrative::{Narrative, Read, Said};

/// One wording.
struct Line {
    id: String,
    language: String,
    text: String,
    columns: BTreeMap<String, String>,
}

impl Line {
    fn expected(&self, column: &str) -> &str {
        self.columns.get(column).map_or("", String::as_str)
    }

    fn is_result(&self) -> bool {
        self.expected("is_patient_result") == "yes"
    }
}

fn lines_of(path: &Path, language: Option<&str>) -> Vec<Line> {
    let text = fs::read_to_string(path).unwrap();
    let mut rows = csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .flexible(true)
        .quoting(language.is_none())
        .from_reader(text.as_bytes());
    let headers: Vec<String> = rows.headers().unwrap().iter().map(str::to_owned).collect();
    rows.records()
        .map(|row| {
            let row = row.unwrap();
            let columns: BTreeMap<String, String> = headers
                .iter()
                .zip(row.iter())
                .map(|(name, value)| (name.clone(), value.trim().to_owned()))
                .collect();
            Line {
                id: columns["id"].clone(),
                language: language.map_or_else(|| columns["lang"].clone(), str::to_owned),
                text: columns["text"]
                    .replace("\\n", "\n")
                    .replace("\\t", "\t")
                    .replace('⇥', "\t"),
                columns,
            }
        })
        .collect()
}

/// What was read, one text per column; `several` where it says two things.
fn columns_read(read: &Read) -> BTreeMap<&'static str, Vec<String>> {
    let mut columns: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for reading in &read.readings {
        let (column, value) = match &reading.said {
            Said::Score(scores) => ("ihc_score", score_names(*scores)),
            Said::Ratio(number) => ("ish_ratio", number.to_string()),
            Said::Her2Copies(number) => ("her2_copies", number.to_string()),
            Said::Cep17Copies(number) => ("cep17_copies", number.to_string()),
            Said::IshWord(word) => (
                "ish_result",
                match word {
                    IshWord::PolysomyNotAmplified => "not amplified".to_owned(),
                    word => word.name().to_owned(),
                },
            ),
            Said::Overall(word) => ("overall", word.name().to_owned()),
            Said::IhcWord(word) | Said::IhcInterpretation(word) => {
                ("ihc_word", word.name().to_owned())
            }
            Said::NoResult => continue,
        };
        let values = columns.entry(column).or_default();
        if !values.contains(&value) {
            values.push(value);
        }
    }
    columns
}

/// A word for in situ hybridisation as the columns write it.
fn ish_word(expected: &str) -> Option<&'static str> {
    match expected.split([' ', ';', '(']).next().unwrap_or("") {
        "amplified" | "positive" => Some("amplified"),
        "not" if expected == "not amplified" => Some("not amplified"),
        "negative" => Some("not amplified"),
        "equivocal" => Some("equivocal"),
        "indeterminate" => Some("indeterminate"),
        _ => None,
    }
}

struct Verdict {
    wrong: Vec<String>,
    missed: Vec<String>,
    is_readable: bool,
}

fn judge(line: &Line, read: &Read) -> Verdict {
    // A line has one column, and each breast that it names a result of its own.
    let sides: BTreeSet<_> = read
        .readings
        .iter()
        .filter_map(|reading| reading.side)
        .collect();
    let ours = columns_read(read);
    let mut verdict = Verdict {
        wrong: Vec::new(),
        missed: Vec::new(),
        is_readable: false,
    };
    let values = |column: &str| ours.get(column).cloned().unwrap_or_default();
    if !line.is_result() {
        for (column, values) in &ours {
            verdict
                .wrong
                .push(format!("{column} {values:?} of no result"));
        }
        return verdict;
    }
    for column in ["ihc_score", "ish_ratio", "her2_copies", "cep17_copies"] {
        let expected = line.expected(column);
        let is_definite = !expected.is_empty() && !expected.starts_with("ambiguous");
        verdict.is_readable |= is_definite;
        match values(column).as_slice() {
            [] if is_definite => verdict.missed.push(format!("{column} {expected}")),
            [] => {}
            [one] if is_definite && one == expected => {}
            _ if !sides.is_empty() && expected.starts_with("ambiguous") => {}
            // A table of the source, and not the text, gives it.
            several => verdict
                .wrong
                .push(format!("{column} {several:?}, expected {expected:?}")),
        }
    }
    let expected_word = ish_word(line.expected("ish_result"));
    verdict.is_readable |= expected_word.is_some();
    match (expected_word, values("ish_result").as_slice()) {
        (Some(expected), [one]) if one == expected => {}
        (Some(expected), []) => verdict.missed.push(format!("ish_result {expected}")),
        (None, []) => {}
        (expected, ours) => verdict
            .wrong
            .push(format!("ish_result {ours:?}, expected {expected:?}")),
    }
    let expected = line.expected("overall_status");
    let is_definite = ["positive", "negative", "equivocal", "indeterminate"].contains(&expected);
    verdict.is_readable |= is_definite;
    let words: Vec<String> = values("overall")
        .into_iter()
        .chain(values("ihc_word"))
        .collect();
    if is_definite {
        let has_numbers = ["ish_ratio", "her2_copies"]
            .iter()
            .any(|column| ours.contains_key(column));
        let says_it = words.iter().any(|word| word == expected)
            || !values("ihc_score").is_empty()
            || !values("ish_result").is_empty()
            || has_numbers;
        if !says_it {
            verdict.missed.push(format!("overall_status {expected}"));
        }
    }
    for word in values("overall") {
        let fits = word == expected
            // The word of one test, which the other test resolves.
            || (!values("ihc_score").is_empty() || !values("ish_result").is_empty());
        if !fits {
            verdict
                .wrong
                .push(format!("overall {word}, expected {expected:?}"));
        }
    }
    for word in values("ihc_word") {
        let is_alone = ["ihc_score", "ish_result", "ish_ratio"]
            .iter()
            .all(|column| values(column).is_empty());
        if is_alone && word != expected && read.unread.is_empty() {
            verdict
                .wrong
                .push(format!("ihc word {word}, expected {expected:?}"));
        }
    }
    verdict
}

#[derive(Default)]
struct Tally {
    lines: usize,
    readable: usize,
    found: usize,
    no_results: usize,
    wrong: usize,
}

/// Judges lines, prints the figures of each language and what differs; the lines that were read wrong.
fn tally(lines: &[Line]) -> (BTreeMap<String, Tally>, Vec<String>) {
    let narrative = Narrative::shipped().unwrap();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in lines {
        let read = narrative.read(&line.text, None);
        let verdict = judge(line, &read);
        let tally = tallies.entry(line.language.clone()).or_default();
        tally.lines += 1;
        tally.no_results += usize::from(!line.is_result());
        tally.readable += usize::from(verdict.is_readable);
        tally.found += usize::from(
            verdict.is_readable && verdict.missed.is_empty() && verdict.wrong.is_empty(),
        );
        if !verdict.wrong.is_empty() {
            tally.wrong += 1;
            wrong.push(format!(
                "{}: {} | {}",
                line.id,
                verdict.wrong.join("; "),
                line.text
            ));
        }
        if !verdict.missed.is_empty() && verdict.is_readable {
            println!(
                "missed {}: {} | {:?}",
                line.id,
                verdict.missed.join("; "),
                line.text
            );
        }
    }
    for (language, tally) in &tallies {
        println!(
            "{language}: {} lines; {} of {} readable ones found ({:.1} %); {} read wrong; {} are no results",
            tally.lines,
            tally.found,
            tally.readable,
            100.0 * tally.found as f64 / tally.readable.max(1) as f64,
            tally.wrong,
            tally.no_results
        );
    }
    (tallies, wrong)
}

fn assert_read(name: &str, lines: &[Line], least_percent: usize) {
    println!("{name}");
    let (tallies, wrong) = tally(lines);
    for line in &wrong {
        println!("WRONG {line}");
    }
    let (readable, found) = tallies.values().fold((0, 0), |(readable, found), tally| {
        (readable + tally.readable, found + tally.found)
    });
    println!("{name}: {found} of {readable} found, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{} lines are read wrong", wrong.len());
    assert!(
        found * 100 >= readable * least_percent,
        "{found} of {readable} are found"
    );
}

/// The same words as another system would print them.
fn printed_otherwise(text: &str) -> Vec<(&'static str, String)> {
    let each = |every: usize, with: &str| {
        let mut count = 0;
        text.chars().fold(String::new(), |mut out, character| {
            if character == ' ' {
                count += 1;
                if count % every == 0 {
                    out.push_str(with);
                    return out;
                }
            }
            out.push(character);
            out
        })
    };
    vec![
        ("capitals", text.to_uppercase()),
        ("small letters", text.to_lowercase()),
        ("double spaces", text.replace(' ', "  ")),
        ("no-break spaces", text.replace(' ', "\u{a0}")),
        ("a line end at every third space", each(3, "\n")),
        (
            "a line end and an indent at every fifth space",
            each(5, "\r\n    "),
        ),
        ("en dashes", text.replace('-', "–")),
        ("no-break hyphens", text.replace('-', "\u{2011}")),
        ("brackets", text.replace('(', "[").replace(')', "]")),
        ("no space behind colons", text.replace(": ", ":")),
        ("spaces before colons", text.replace(':', " :")),
        ("spaces around slashes", text.replace('/', " / ")),
        ("no stop at the end", text.trim_end_matches('.').to_owned()),
        ("a stop at the end", format!("{text}.")),
        ("a tab at the end", format!("\t{text}\t")),
        (
            "within a report",
            format!(
                "Diagnosis:\nInvasive carcinoma, 2.1 cm, G3.\n\n{text}\n\nSigned electronically."
            ),
        ),
    ]
}

fn own(names: &[(&str, &str)]) -> Vec<Line> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/narrative");
    names
        .iter()
        .flat_map(|(file, language)| lines_of(&folder.join(file), Some(language)))
        .collect()
}

#[test]
fn wordings_of_others_are_read_without_a_mistake() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/narrative.tsv");
    if !path.exists() {
        println!("{} is not here: not tested", path.display());
        return;
    }
    assert_read("wordings of others", &lines_of(&path, None), 90);
}

#[test]
fn our_own_wordings_are_read_without_a_mistake() {
    let lines = own(&[("en.tsv", "en"), ("es.tsv", "es"), ("de.tsv", "de")]);
    assert_read("own wordings", &lines, 70);
}

#[test]
fn wordings_that_are_printed_otherwise_are_read_without_a_mistake() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/narrative.tsv");
    let mut lines = own(&[("en.tsv", "en"), ("es.tsv", "es"), ("de.tsv", "de")]);
    if path.exists() {
        lines.extend(lines_of(&path, None));
    }
    let narrative = Narrative::shipped().unwrap();
    let (mut tried, mut wrong) = (0, Vec::new());
    for line in &lines {
        for (how, text) in printed_otherwise(&line.text) {
            tried += 1;
            let verdict = judge(line, &narrative.read(&text, None));
            if !verdict.wrong.is_empty() {
                wrong.push(format!(
                    "{} in {how}: {} | {text:?}",
                    line.id,
                    verdict.wrong.join("; ")
                ));
            }
        }
    }
    println!(
        "{tried} printings of {} wordings, {} read wrong",
        lines.len(),
        wrong.len()
    );
    for line in &wrong {
        println!("WRONG {line}");
    }
    assert!(wrong.is_empty(), "{} printings are read wrong", wrong.len());
}
