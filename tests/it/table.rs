//! The whole decision table: as accepted, whole, and what a case really ends in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use enumset::EnumSet;
use her2_adapter::her2::conventions::Conventions;
use her2_adapter::her2::decide::decide;
use her2_adapter::her2::decision::{NextAction, Status};
use her2_adapter::her2::evidence::{
    CountRole, Evidence, IhcFinding, IhcResult, IshResult, JoinedBy, Probe, Score, Site,
    SiteFinding, Source, StatedResult,
};
use her2_adapter::her2::guideline::{Cut, Dual, Edition, Ihc, Ish, Level, Recount, Rule};
use her2_adapter::her2::number::Measure;
use her2_adapter::render::{Format, table};

pub const ACCEPT: &str = "HER2_ACCEPT_SNAPSHOTS";

#[test]
fn the_table_of_each_edition_is_as_it_was_accepted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let mut changes = Vec::new();
    for edition in Edition::ALL {
        let file = folder.join(format!("{}.txt", edition.id()));
        let now = table(edition, Format::Text);
        if std::env::var_os(ACCEPT).is_some() {
            fs::write(&file, &now).unwrap();
        }
        let accepted = fs::read_to_string(&file).unwrap_or_default();
        if accepted != now {
            changes.push(format!(
                "{}\n{}",
                file.display(),
                difference(&accepted, &now)
            ));
        }
    }
    assert!(
        changes.is_empty(),
        "the decision table is not the accepted one (-: accepted, +: now):\n{}\n\
         If every line is as the guideline has it: {ACCEPT}=1 cargo test --test it table",
        changes.join("\n")
    );
}

#[test]
fn every_pair_of_results_has_one_answer_and_one_rule() {
    let scores = EnumSet::<Score>::all().iter().map(Ihc::Score);
    let all_ihc: Vec<Ihc> = [Ihc::NotKnown, Ihc::Failed]
        .into_iter()
        .chain(scores)
        .collect();
    let levels: Vec<Level> = EnumSet::<Level>::all().iter().collect();
    for edition in Edition::ALL {
        let classes = edition.classes();
        let mut all_ish = vec![Ish::NotDone, Ish::Failed, Ish::Amplified, Ish::NotAmplified];
        all_ish.extend(levels.iter().copied().map(Ish::Single));
        for class in &classes {
            all_ish.push(Ish::Adjudicated(*class));
            all_ish.push(Ish::Dual(*class, Recount::NotDone));
            all_ish.push(Ish::Dual(*class, Recount::SameClass));
            let others = classes.iter().filter(|other| *other != class);
            all_ish.extend(others.map(|other| Ish::Dual(*class, Recount::OtherClass(*other))));
        }
        let pairs: BTreeSet<(Ihc, Ish)> = (all_ihc.iter())
            .flat_map(|ihc| all_ish.iter().map(move |ish| (*ihc, *ish)))
            .collect();
        let inputs = edition.inputs();
        assert_eq!(inputs.iter().copied().collect::<BTreeSet<_>>(), pairs);
        assert_eq!(inputs.len(), pairs.len(), "an input is listed twice");
        let rules: BTreeSet<String> = records(edition)
            .iter()
            .map(|record| record["rule_id"].clone())
            .collect();
        assert_eq!(rules.len(), pairs.len(), "two inputs have the same rule id");
        assert_eq!(records(edition).len(), pairs.len());
    }
}

/// The table prints one count of each class; the others of the class have its answers and rules.
#[test]
fn counts_of_one_class_have_one_answer() {
    let conventions = Conventions::default();
    for edition in Edition::ALL {
        for ratio in EnumSet::<Level>::all() {
            for copies in EnumSet::<Level>::all() {
                let count = Dual { ratio, copies };
                let printed = (edition.classes().into_iter())
                    .find(|class| edition.class_name(*class) == edition.class_name(count));
                let printed = printed.expect("every count is in a class of the table");
                for (ihc, ish) in edition.inputs() {
                    let with_count = match ish {
                        Ish::Dual(first, recount) if first == printed => Ish::Dual(count, recount),
                        Ish::Dual(first, Recount::OtherClass(second)) if second == printed => {
                            Ish::Dual(first, Recount::OtherClass(count))
                        }
                        Ish::Adjudicated(first) if first == printed => Ish::Adjudicated(count),
                        other => other,
                    };
                    assert_eq!(
                        edition.answer(ihc, with_count, &conventions),
                        edition.answer(ihc, ish, &conventions)
                    );
                    assert_eq!(
                        Rule::Row(edition, ihc, with_count).to_string(),
                        Rule::Row(edition, ihc, ish).to_string()
                    );
                }
            }
        }
    }
}

#[test]
fn a_question_stands_where_an_answer_is_missing_and_only_there() {
    for edition in Edition::ALL {
        for (ihc, ish) in edition.inputs() {
            let answer = edition.answer(ihc, ish, &Conventions::default());
            let rule = Rule::Row(edition, ihc, ish);
            if answer.status.is_decided() && answer.action == NextAction::None {
                assert_eq!(answer.review, None, "{rule} is done, but asks");
            }
            if answer.status == Status::Insufficient {
                assert!(answer.review.is_some(), "{rule} is open, but does not ask");
            }
            if matches!(answer.status, Status::Equivocal | Status::Indeterminate) {
                assert_ne!(
                    answer.action,
                    NextAction::None,
                    "{rule} is open, but nothing follows"
                );
            }
            assert!(!answer.sentence.trim().is_empty(), "{rule} has no sentence");
            assert!(!answer.source.trim().is_empty(), "{rule} has no source");
        }
    }
}

#[test]
fn low_ultralow_and_null_are_kinds_of_negative_only() {
    for edition in Edition::ALL {
        for record in records(edition) {
            let expected: &[&str] = match record["status"].as_str() {
                "positive" => &["positive"],
                "equivocal" => &["equivocal"],
                "negative" => &["low", "null, ultralow or zero-unspecified", "none"],
                _ => &["none"],
            };
            assert!(
                expected.contains(&record["category"].as_str()),
                "{record:?}"
            );
        }
    }
}

/// Every record of the CSV is in exactly one row of the Markdown, with the same answer.
#[test]
fn a_row_of_several_inputs_speaks_for_each_of_them() {
    for edition in Edition::ALL {
        let rows = markdown_rows(edition);
        for record in records(edition) {
            let of_input: Vec<_> = (rows.iter())
                .filter(|row| match row["rule id"].strip_suffix('*') {
                    Some(beginning) => record["rule_id"].starts_with(beginning),
                    None => row["rule id"] == record["rule_id"],
                })
                .collect();
            let [row] = of_input.as_slice() else {
                panic!("{} is in {} rows", record["rule_id"], of_input.len());
            };
            for (column, cell) in *row {
                let is_folded = row["recount"].starts_with("other ");
                if !(is_folded && matches!(column.as_str(), "recount" | "rule id")) {
                    let name = column.to_lowercase().replace(' ', "_");
                    assert_eq!(*cell, record[&name], "{column} of {}", record["rule_id"]);
                }
            }
        }
    }
}

#[test]
fn the_text_fits_a_terminal_and_names_thresholds_and_every_rule() {
    for edition in Edition::ALL {
        let page = table(edition, Format::Text);
        for line in page.lines() {
            assert!(line.chars().count() <= 120, "too long: {line}");
        }
        let words: Vec<&str> = page.split_whitespace().collect();
        let running = words.join(" ");
        let thresholds = running.split("Thresholds ").nth(1).unwrap();
        assert!(
            !thresholds.starts_with("Sources"),
            "{} states no threshold",
            edition.id()
        );
        for record in records(edition) {
            assert!(
                running.contains(&record["sentence"]),
                "{}",
                record["sentence"]
            );
            assert!(running.contains(&record["source"]), "{}", record["source"]);
        }
    }
}

/// The table is what decides: a case with exactly these results, at the edges of their classes, ends in its row.
#[test]
fn a_case_ends_as_the_row_of_its_results_says() {
    for edition in Edition::ALL {
        let rows: BTreeMap<String, BTreeMap<String, String>> = (records(edition).into_iter())
            .map(|record| (record["rule_id"].clone(), record))
            .collect();
        for (ihc, ish) in edition.inputs() {
            let row = &rows[&Rule::Row(edition, ihc, ish).to_string()];
            for evidence in cases(edition, ihc, ish) {
                let decision = decide(&evidence, edition, &Conventions::default());
                let codes: Vec<&str> = decision
                    .review
                    .iter()
                    .map(|item| item.code.name())
                    .collect();
                assert_eq!(decision.rule.to_string(), row["rule_id"]);
                assert_eq!(decision.status.name(), row["status"], "{row:?}");
                assert_eq!(decision.next_action.name(), row["next_action"], "{row:?}");
                assert_eq!(codes.join(", "), row["review_code"], "{row:?}");
                let mut kinds = row["category"]
                    .split(", ")
                    .flat_map(|kinds| kinds.split(" or "));
                assert!(
                    kinds.any(|kind| kind == decision.category.name()),
                    "{row:?}"
                );
            }
        }
    }
}

/// The records of the CSV, by column.
fn records(edition: Edition) -> Vec<BTreeMap<String, String>> {
    let text = table(edition, Format::Csv);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader
        .deserialize()
        .map(|record| record.expect("a record with every field"))
        .collect()
}

/// The rows of the Markdown, by column, without escapes and dashes.
fn markdown_rows(edition: Edition) -> Vec<BTreeMap<String, String>> {
    let page = table(edition, Format::Markdown);
    let mut lines = (page.lines())
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(|cell| cell.replace(['\\', '–'], "")));
    let columns: Vec<String> = lines.next().unwrap().collect();
    (lines.skip_while(|cells| cells.clone().all(|cell| cell == "---")))
        .map(|cells| {
            let cells: Vec<String> = cells.collect();
            assert_eq!(cells.len(), columns.len(), "{cells:?}");
            columns.iter().cloned().zip(cells).collect()
        })
        .collect()
}

/// The least and the greatest number of a level.
fn edges(cut: Cut, level: Level) -> [&'static str; 2] {
    match (cut, level) {
        (Cut::At(_), Level::Low) => ["0.1", "1.99"],
        (Cut::At(_), Level::Middle) => panic!("a single threshold has no middle"),
        (Cut::At(_), Level::High) => ["2.0", "9.99"],
        (Cut::From(..) | Cut::Including(..), Level::Low) => ["0.1", "3.99"],
        (Cut::From(..), Level::Middle) => ["4.0", "5.99"],
        (Cut::From(..), Level::High) => ["6.0", "30"],
        (Cut::Including(..), Level::Middle) => ["4.0", "6.0"],
        (Cut::Including(..), Level::High) => ["6.01", "30"],
    }
}

/// The least and the greatest ratio of a level.
fn ratio_edges(edition: Edition, level: Level) -> [&'static str; 2] {
    match (edition, level) {
        (Edition::AscoCap2007, Level::Low) => ["0.1", "1.79"],
        (Edition::AscoCap2007, Level::Middle) => ["1.8", "2.2"],
        (Edition::AscoCap2007, Level::High) => ["2.21", "9.99"],
        (_, level) => edges(edition.cuts().ratio, level),
    }
}

/// Evidence that is exactly this input: with the least and the greatest numbers of its class.
fn cases(edition: Edition, ihc: Ihc, ish: Ish) -> Vec<Evidence> {
    let ihc: Vec<IhcResult> = match ihc {
        Ihc::NotKnown => Vec::new(),
        Ihc::Failed => vec![ihc_result(IhcFinding::Stated(StatedResult::Indeterminate))],
        Ihc::Score(score) => vec![ihc_result(IhcFinding::Score(EnumSet::only(score)))],
    };
    let dual = |role, class: Dual, edge: usize| {
        let ratio = ratio_edges(edition, class.ratio)[edge];
        let copies = edges(edition.cuts().copies, class.copies)[edge];
        count(role, Probe::Dual, Some(ratio), Some(copies), None)
    };
    let word = |word| count(CountRole::Initial, Probe::Dual, None, None, Some(word));
    let ish_at = |edge: usize| match ish {
        Ish::NotDone => Vec::new(),
        Ish::Failed => vec![word(StatedResult::Indeterminate)],
        Ish::Amplified => vec![word(StatedResult::Positive)],
        Ish::NotAmplified => vec![word(StatedResult::Negative)],
        Ish::Single(level) => vec![count(
            CountRole::Initial,
            Probe::Single,
            None,
            Some(edges(edition.cuts().copies, level)[edge]),
            None,
        )],
        Ish::Dual(class, recount) => {
            let second = match recount {
                Recount::NotDone => None,
                Recount::SameClass => Some(class),
                Recount::OtherClass(other) => Some(other),
            };
            [dual(CountRole::Initial, class, edge)]
                .into_iter()
                .chain(second.map(|class| dual(CountRole::Recount, class, edge)))
                .collect()
        }
        Ish::Adjudicated(class) => vec![dual(CountRole::Adjudicated, class, edge)],
    };
    let site = match edition {
        Edition::Gastric2016 => Site::Gastroesophageal,
        _ => Site::Breast,
    };
    [0, 1]
        .map(|edge| Evidence {
            ihc: ihc.clone(),
            ish: ish_at(edge),
            ..Evidence::new(SiteFinding::Known(site), JoinedBy::Specimen)
        })
        .into()
}

fn ihc_result(finding: IhcFinding) -> IhcResult {
    IhcResult::new(finding, Source::unversioned("Observation/ihc"))
}

fn count(
    role: CountRole,
    probe: Probe,
    ratio: Option<&str>,
    copies: Option<&str>,
    word: Option<StatedResult>,
) -> IshResult {
    let measure = |text: &str| Measure::parse(text).unwrap();
    IshResult {
        role,
        probe: Some(probe),
        ratio: ratio.map(measure),
        her2_copies: copies.map(measure),
        cells: copies.map(|_| measure("20")),
        result: word.map(Into::into),
        ..IshResult::new(Source::unversioned("Observation/ish"))
    }
}

/// The lines that differ, each run of them below the heading it stands under.
pub fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // The longest common part of what follows two lines.
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let mut lines: Vec<String> = Vec::new();
    let (mut i, mut j) = (0, 0);
    let mut heading = None;
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            if !new[j].is_empty() && !new[j].starts_with(' ') {
                heading = Some(new[j]);
            }
            (i, j) = (i + 1, j + 1);
            continue;
        }
        lines.extend(heading.take().map(|heading| format!("  {heading}")));
        if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(format!("- {}", old[i]));
            i += 1;
        } else {
            lines.push(format!("+ {}", new[j]));
            j += 1;
        }
    }
    if lines.is_empty() {
        lines.push("only line endings differ".to_owned());
    }
    lines.join("\n")
}
