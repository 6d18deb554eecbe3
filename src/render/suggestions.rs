//! Proposals for unmapped codes, as a mapping file that is refused until a person has read it.

use std::fmt::Write as _;

use super::printable;
use crate::mapping::coverage::PlaceKind;
use crate::mapping::suggest::{ShortName, Unknown, short_names, suggest};
use crate::mapping::table::Mapping;

/// Unmapped codes with how many there are of each and an example, as TOML.
pub fn suggestions(mapping: &Mapping, unknown: &[(Unknown<'_>, u64, &str)]) -> String {
    let systems = unknown
        .iter()
        .map(|(unknown, _, _)| unknown.key.system.as_str());
    let names = short_names(mapping, systems);
    let new = || {
        (names.iter()).filter_map(|(system, name)| match name {
            ShortName::New(name) => Some((name.as_str(), *system)),
            ShortName::Known(_) => None,
        })
    };
    let name = new().next().map_or("proposals", |(name, _)| name);
    let mut text = format!(
        "# Proposals for unmapped codes. None is in force, and this file is refused, until a person has read each:\n\
         # take `proposed.` out of the name of its table where it is right, mend or delete it where it is not, and fill in\n\
         # who reviewed them and when. `is = \"?\"` is for you to answer; ask the laboratory rather than guess.\n\n\
         [header]\nname = {}\npurpose = \"Codes of a laboratory\"\nsource = \"mappings suggest, and who reviewed it\"\n\
         version = \"1\"\nreviewed_by = \"\"\nreviewed_on = \"\"\n\n[systems]\n",
        quoted(name)
    );
    for (name, system) in new() {
        text += &format!("{name} = [{}]\n", quoted(system));
    }
    for (unknown, count, example) in unknown {
        let key = unknown.key;
        let short = names.get(key.system.as_str()).map_or("?", ShortName::name);
        let row = format!(
            "codes = [{{ system = {}, code = {}, display = {} }}]",
            quoted(short),
            quoted(&key.code),
            quoted(unknown.display.unwrap_or(""))
        );
        // Writing to a text never fails.
        let _ = write!(
            text,
            "\n# {} {} ({count}×), as in {}\n",
            key.kind.name(),
            printable(&key.to_string()),
            printable(example)
        );
        match suggest(mapping, *unknown) {
            Ok(proposal) => {
                text += &format!(
                    "# Proposed because {}.\n[[proposed.{}]]\nis = {}\n{row}\n",
                    printable(&proposal.reason),
                    proposal.table,
                    quoted(&proposal.is)
                );
            }
            Err(reason) => {
                text += &format!("# Nothing is proposed: {}.\n", printable(&reason));
                if let Some(table) = table_of(key.kind).filter(|_| !key.code.is_empty()) {
                    text += &format!("# [[proposed.{table}]]\n# is = \"?\"\n# {row}\n");
                }
            }
        }
    }
    text
}

/// The table in which a person would say what a code means; units have none.
fn table_of(kind: PlaceKind) -> Option<&'static str> {
    match kind {
        PlaceKind::Question => Some("finding"),
        PlaceKind::Answer
        | PlaceKind::Interpretation
        | PlaceKind::AbsentReason
        | PlaceKind::Method => Some("answer"),
        PlaceKind::Report => Some("report"),
        PlaceKind::BodySite | PlaceKind::Condition => Some("site"),
        PlaceKind::Specimen => Some("specimen"),
        PlaceKind::Collection => Some("sample"),
        PlaceKind::Processing => Some("processing"),
        PlaceKind::Additive => Some("fixative"),
        PlaceKind::Unit => None,
    }
}

/// A basic string of TOML, on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            // Also what would end a comment, or reorder what a reader sees.
            hidden if hidden.is_control() || !printable(&hidden.to_string()).contains(hidden) => {
                quoted += &format!("\\U{:08X}", u32::from(hidden));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mapping::coverage::{Circumstances, CodeKey};
    use crate::mapping::table::{BASE, MappingError};

    fn suggested(code: &str, display: &str) -> String {
        let mapping = Mapping::load(&[("base", BASE)], "b").unwrap();
        let key = CodeKey {
            kind: PlaceKind::Question,
            system: "urn:lis".to_owned(),
            code: code.to_owned(),
        };
        let unknown = Unknown {
            key: &key,
            display: Some(display),
            circumstances: &Circumstances::default(),
        };
        suggestions(&mapping, &[(unknown, 1, "Observation/o")])
    }

    fn loaded(text: &str) -> Result<Mapping, MappingError> {
        Mapping::load(&[("base", BASE), ("lis", text)], "b")
    }

    fn reviewed(text: &str) -> String {
        let mut text = text.to_owned();
        for (key, value) in [("reviewed_by", "somebody"), ("reviewed_on", "2026-11-20")] {
            text = text.replace(&format!("{key} = \"\""), &format!("{key} = \"{value}\""));
        }
        text
    }

    #[test]
    fn proposals_are_refused_until_a_person_has_taken_them_over() {
        let text = suggested("HFR", "HER2 FISH Ratio");
        let refused = loaded(&text).unwrap_err().to_string();
        assert!(refused.contains("lis"), "{refused}");
        let refused = loaded(&reviewed(&text)).unwrap_err().to_string();
        assert!(refused.contains("holds proposals (finding)"), "{refused}");
        let unreviewed = text.replace("proposed.", "");
        assert!(loaded(&unreviewed).is_err());
        assert!(loaded(&reviewed(&unreviewed)).is_ok());
    }

    #[test]
    fn where_nothing_fits_a_stanza_stands_as_a_comment() {
        let text = suggested("Q7", "Onkogen 3");
        assert!(
            text.contains("\n# [[proposed.finding]]\n# is = \"?\"\n"),
            "{text}"
        );
        assert!(loaded(&reviewed(&text)).is_ok());
    }

    #[test]
    fn what_a_sender_wrote_stays_inside_its_string() {
        let hostile = "HER2 score\"\n[[finding]]\nis = \"other-marker\"\\";
        let text = reviewed(&suggested(hostile, "HER2 FISH \"\\ Ratio")).replace("proposed.", "");
        assert!(
            !text.contains("\n[[finding]]\nis = \"other-marker\""),
            "{text}"
        );
        assert!(loaded(&text).is_ok(), "{text}");
    }
}
