//! The deciding part stays free of network, disk, clock and randomness, and imports point one way.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules from the innermost outwards; each may use those before it.
const LAYERS: [&str; 4] = ["her2", "fhir", "mapping", "pipeline"];

const FORBIDDEN: [&str; 16] = [
    "std::fs",
    "std::net",
    "std::io",
    "std::process",
    "std::thread",
    "std::time",
    "std::env",
    "tokio",
    "reqwest",
    "sqlx",
    "axum",
    "Utc::now",
    "Local::now",
    "Instant::now",
    "SystemTime",
    "rand::",
];

fn sources(module: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![src.join(format!("{module}.rs"))];
    let mut folders = vec![src.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn what_decides_knows_no_network_disk_clock_or_chance() {
    let mut faults = Vec::new();
    for module in LAYERS {
        for file in sources(module) {
            let text = fs::read_to_string(&file).unwrap();
            for word in FORBIDDEN {
                if text.contains(word) {
                    faults.push(format!("{} uses {word}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn imports_point_one_way() {
    let mut faults = Vec::new();
    for (index, module) in LAYERS.iter().enumerate() {
        let outer = LAYERS[index + 1..]
            .iter()
            .chain(&["service", "config", "app", "cli", "render"]);
        let outer: Vec<String> = outer.map(|outer| format!("crate::{outer}")).collect();
        for file in sources(module) {
            let text = fs::read_to_string(&file).unwrap();
            for path in &outer {
                if text.contains(path.as_str()) {
                    faults.push(format!("{} uses {path}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn codes_of_terminologies_stand_in_mappings_and_not_in_the_code() {
    let is_code = |word: &str| {
        let loinc = word.split_once('-').is_some_and(|(number, check)| {
            let digits =
                |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            (4..=6).contains(&number.trim_start_matches("LA").len())
                && digits(number.trim_start_matches("LA"))
                && check.len() == 1
                && digits(check)
        });
        let snomed =
            (8..=18).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit());
        loinc || snomed
    };
    let mut faults = Vec::new();
    for module in LAYERS {
        for file in sources(module) {
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or("");
            for line in code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
            {
                faults.extend(
                    line.split('"')
                        .skip(1)
                        .step_by(2)
                        .filter(|literal| is_code(literal))
                        .map(|literal| format!("{}: {literal}", file.display())),
                );
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
