//! Teaching a new laboratory, step by step as README.md shows it: what is printed there is what the program prints.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const README: &str = include_str!("../../README.md");
const BUNDLE: &str = "tests/new_lab/bundle.json";
const PROFILE: &str = "mappings/profiles/example-lis.toml";

fn her2_adapter(mapping: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_her2-adapter"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .envs(mapping.map(|path| ("HER2_ADAPTER__INPUT__MAPPING_FILES", path)))
        .stdin(Stdio::null());
    command.output().unwrap()
}

fn printed(mapping: Option<&str>, arguments: &[&str]) -> String {
    let output = her2_adapter(mapping, arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The fenced blocks of the README's section on a new laboratory, of one kind.
fn shown(kind: &str) -> Vec<&'static str> {
    let (_, section) = README.split_once("## Teaching a new lab\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let fence = format!("```{kind}\n");
    let blocks = section.split(fence.as_str()).skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

/// What a person does to the proposals: who reviewed them, the answer that the laboratory gave, and the marks.
fn edited(proposals: &str) -> String {
    let mut text = proposals.to_owned();
    for (key, value) in [("reviewed_by", "a person"), ("reviewed_on", "2026-11-20")] {
        text = text.replace(&format!("{key} = \"\""), &format!("{key} = \"{value}\""));
    }
    let answered = text.replace(
        "# [[proposed.answer]]\n# is = \"?\"\n# codes",
        "[[proposed.answer]]\nis = \"score-1+\"\ncodes",
    );
    assert_ne!(answered, text);
    answered.replace("proposed.", "")
}

#[test]
fn coverage_shows_what_the_readme_shows() {
    let table = printed(None, &["mappings", "coverage", "--unmapped", BUNDLE]);
    assert_eq!(shown("text").first(), Some(&table.as_str()), "{table}");
}

#[test]
fn suggest_proposes_what_the_readme_shows_and_its_proposals_are_refused() {
    let proposals = printed(None, &["mappings", "suggest", BUNDLE]);
    let excerpts = shown("toml");
    assert!(!excerpts.is_empty());
    for excerpt in excerpts {
        assert!(
            proposals.contains(excerpt),
            "{excerpt}\nis not in\n{proposals}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.toml");
    fs::write(&path, &proposals).unwrap();
    let output = her2_adapter(path.to_str(), &["explain", BUNDLE]);
    assert_eq!(output.status.code(), Some(2));
    let check = her2_adapter(None, &["mappings", "check", path.to_str().unwrap()]);
    assert_eq!(check.status.code(), Some(2));
    let refusal = String::from_utf8(output.stderr).unwrap();
    assert!(
        refusal.contains("holds proposals (answer, finding, report)"),
        "{refusal}"
    );
}

#[test]
fn with_the_edits_of_a_person_the_proposals_say_what_the_finished_profile_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.toml");
    let proposals = printed(None, &["mappings", "suggest", BUNDLE]);
    fs::write(&path, edited(&proposals)).unwrap();
    let taught = printed(path.to_str(), &["explain", BUNDLE]);
    assert_eq!(taught, printed(Some(PROFILE), &["explain", BUNDLE]));
    let (before, after) = (shown("text")[1], shown("text")[2]);
    let firsts = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.starts_with("HER2 "))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(firsts(before), firsts(&printed(None, &["explain", BUNDLE])));
    assert_eq!(firsts(after), firsts(&taught));
}

#[test]
fn the_finished_profile_passes_its_check_and_leaves_nothing_unmapped() {
    assert!(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(PROFILE)
            .is_file()
    );
    assert_eq!(printed(None, &["mappings", "check", PROFILE]), "");
    let table = printed(Some(PROFILE), &["mappings", "coverage", BUNDLE]);
    let sum = table.lines().last().unwrap();
    assert!(sum.contains(" 0 unmapped "), "{sum}");
    assert_eq!(shown("text").get(3).map(|text| text.trim_end()), Some(sum));
}
