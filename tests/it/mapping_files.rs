//! Mapping files as a site works with them: `mappings check`, `mappings export` and `mappings import`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::commands::{her2_adapter, her2_adapter_with, text};

/// A file of an invented laboratory that binds one code.
fn laboratory(folder: &Path, name: &str, is: &str, display: &str) -> String {
    let path = folder.join(name);
    let content = format!(
        "[header]\nname = \"lab\"\npurpose = \"a laboratory\"\nsource = \"test\"\nversion = \"1\"\n\
         reviewed_by = \"test\"\nreviewed_on = \"2026-01-01\"\n\
         [systems]\nlab = [\"urn:lab\"]\n\
         [[answer]]\nis = \"{is}\"\ncodes = [{{ system = \"lab\", code = \"7\", display = \"{display}\" }}]\n"
    );
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_check_ends_with_2_for_an_error_and_says_where_and_how_to_mend_it() {
    let folder = tempfile::tempdir().unwrap();
    let good = laboratory(folder.path(), "good.toml", "score-2+", "2+");
    let output = her2_adapter(&["mappings", "check", &good]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));

    let wrong = laboratory(folder.path(), "wrong.toml", "score-2+", "3+");
    let output = her2_adapter(&["mappings", "check", &wrong]);
    assert_eq!(output.status.code(), Some(2));
    let line = text(&output.stdout);
    assert!(line.contains("wrong.toml:12: error: display: "), "{line}");
    assert!(text(&output.stderr).contains("1 errors"));

    let output = her2_adapter(&["mappings", "check", "--format", "json", &wrong]);
    let flaws: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(flaws[0]["line"], 12);
    assert_eq!(flaws[0]["severity"], "error");
    assert_eq!(flaws[0]["code"], "display");
}

#[test]
fn files_of_a_site_that_contradict_each_other_start_no_command() {
    let folder = tempfile::tempdir().unwrap();
    let north = laboratory(folder.path(), "north.toml", "positive", "Positive");
    let south = laboratory(folder.path(), "south.toml", "negative", "Negative");
    let both = [(
        "HER2_ADAPTER__INPUT__MAPPING_FILES",
        &*format!("{north},{south}"),
    )];
    let output = her2_adapter_with(&both, &["mappings", "export"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("north.toml") && said.contains("south.toml"),
        "{said}"
    );
}

#[test]
fn an_exported_file_of_a_site_comes_back_and_waits_for_its_review() {
    let folder = tempfile::tempdir().unwrap();
    let site = laboratory(folder.path(), "site.toml", "score-2+", "2+");
    let settings = [
        ("HER2_ADAPTER__INPUT__MAPPING_FILES", site.as_str()),
        ("HER2_ADAPTER__INPUT__PROFILES", ""),
    ];
    let out = folder.path().join("fhir");
    let output = her2_adapter_with(
        &settings,
        &["mappings", "export", "--output", out.to_str().unwrap()],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let answers = out.join("ConceptMap-her2-answer.json");
    let map: Value = serde_json::from_str(&fs::read_to_string(&answers).unwrap()).unwrap();
    assert_eq!(map["resourceType"], "ConceptMap");
    assert!(map.to_string().contains("\"source\":\"urn:lab\""));

    let imported = her2_adapter(&["mappings", "import", answers.to_str().unwrap()]);
    assert_eq!(imported.status.code(), Some(0));
    let file = folder.path().join("imported.toml");
    fs::write(&file, &imported.stdout).unwrap();
    let output = her2_adapter(&["mappings", "check", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("not-reviewed"));

    let value_set = out.join("ValueSet-her2-exclusions.json");
    let value_set = value_set.to_str().unwrap();
    let alone = her2_adapter(&["mappings", "import", value_set]);
    assert_eq!(alone.status.code(), Some(2));
    let bound = her2_adapter(&["mappings", "import", "--is", "other-marker", value_set]);
    assert_eq!(bound.status.code(), Some(0));
    assert!(text(&bound.stdout).contains("is = \"other-marker\""));
}

#[test]
fn an_import_of_something_else_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("input.json");
    for content in ["", "{", "{\"resourceType\":\"Patient\"}"] {
        fs::write(&file, content).unwrap();
        let output = her2_adapter(&["mappings", "import", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{content}");
        assert!(output.stdout.is_empty());
    }
}
