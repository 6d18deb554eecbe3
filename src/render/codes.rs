//! Which codes occur, as a table: what `mappings coverage` prints.

use serde::Serialize;

use super::table::csv_field;
use super::{NOTHING, printable};
use crate::mapping::coverage::{Class, Coverage, Quarantined};

/// How the codes are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodesFormat {
    /// For a terminal.
    Text,
    /// For a spreadsheet: RFC 4180, with `\n` between records.
    Csv,
    /// One object.
    Json,
}

/// Codes to be printed, one line each.
#[derive(Debug, Serialize)]
pub struct CodeList {
    codes: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<Sum>,
    #[serde(skip)]
    last_line: String,
}

/// One code.
#[derive(Debug, Serialize)]
struct Line {
    kind: &'static str,
    system: String,
    code: String,
    #[serde(skip)]
    shown: String,
    display: Option<String>,
    count: u64,
    class: &'static str,
    meaning: Option<String>,
    example: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
}

/// The closed sum.
#[derive(Debug, Serialize)]
struct Sum {
    seen: u64,
    mapped: u64,
    excluded: u64,
    unmapped: u64,
    not_our_concern: u64,
}

impl CodeList {
    /// The codes of some resources, those that nobody has mapped first; or only those.
    pub fn of_coverage(coverage: &Coverage, only_unmapped: bool) -> Self {
        let codes = (coverage.rows.iter())
            .filter(|((class, _), _)| !only_unmapped || *class == Class::Unmapped)
            .map(|((class, key), row)| {
                let meaning = row.meanings.iter().cloned().collect::<Vec<_>>().join(", ");
                Line {
                    kind: key.kind.name(),
                    system: key.system.clone(),
                    code: key.code.clone(),
                    shown: key.to_string(),
                    display: row.display().map(str::to_owned),
                    count: row.count,
                    class: class.name(),
                    meaning: (!meaning.is_empty()).then_some(meaning),
                    example: row.example.clone(),
                    first_seen: None,
                    last_seen: None,
                }
            });
        let of = |class| coverage.of_class(class);
        Self {
            codes: codes.collect(),
            sum: Some(Sum {
                seen: coverage.seen,
                mapped: of(Class::Mapped),
                excluded: of(Class::Excluded),
                unmapped: of(Class::Unmapped),
                not_our_concern: of(Class::NotOurConcern),
            }),
            last_line: coverage.to_string(),
        }
    }

    /// The codes that earlier passes have put aside.
    pub fn of_quarantine(quarantined: &[Quarantined]) -> Self {
        let codes = quarantined.iter().map(|code| Line {
            kind: code.key.kind.name(),
            system: code.key.system.clone(),
            code: code.key.code.clone(),
            shown: code.key.to_string(),
            display: code.display.clone(),
            count: code.count,
            class: Class::Unmapped.name(),
            meaning: None,
            example: code.example.clone(),
            first_seen: Some(code.first_seen.clone()),
            last_seen: Some(code.last_seen.clone()),
        });
        Self {
            codes: codes.collect(),
            sum: None,
            last_line: format!("codes in quarantine: {}", quarantined.len()),
        }
    }

    /// The closed sum, or how many codes there are, in one line.
    pub fn last_line(&self) -> &str {
        &self.last_line
    }

    /// The codes laid out, with the last line in text alone.
    ///
    /// # Errors
    /// When they cannot be written as JSON, which would be a fault of this program.
    pub fn print(&self, format: CodesFormat) -> serde_json::Result<String> {
        match format {
            CodesFormat::Text => Ok(self.text()),
            CodesFormat::Csv => Ok(self.csv()),
            CodesFormat::Json => Ok(format!("{}\n", serde_json::to_string_pretty(self)?)),
        }
    }

    fn has_times(&self) -> bool {
        self.codes.iter().any(|code| code.first_seen.is_some())
    }

    fn text(&self) -> String {
        let mut header = vec!["kind", "code", "display", "count", "mapping", "example"];
        if self.has_times() {
            header.extend(["first seen", "last seen"]);
        }
        let mut rows = vec![header.iter().map(|name| (*name).to_owned()).collect()];
        for code in &self.codes {
            let mapping = match (&code.meaning, code.class) {
                (_, class) if class == Class::Unmapped.name() => "UNMAPPED".to_owned(),
                (Some(meaning), class) if class == Class::Excluded.name() => {
                    format!("excluded: {meaning}")
                }
                (Some(meaning), _) => meaning.clone(),
                (None, class) => class.to_owned(),
            };
            let mut row = vec![
                code.kind.to_owned(),
                printable(&code.shown),
                printable(code.display.as_deref().unwrap_or(NOTHING)),
                code.count.to_string(),
                printable(&mapping),
                printable(&code.example),
            ];
            row.extend(code.first_seen.clone());
            row.extend(code.last_seen.clone());
            rows.push(row);
        }
        format!("{}\n{}\n", in_columns(&rows), self.last_line)
    }

    fn csv(&self) -> String {
        let mut records = String::from(
            "kind,system,code,display,count,class,meaning,example,first_seen,last_seen\n",
        );
        for code in &self.codes {
            let optional = |text: &Option<String>| text.clone().unwrap_or_default();
            let fields = [
                code.kind.to_owned(),
                code.system.clone(),
                code.code.clone(),
                optional(&code.display),
                code.count.to_string(),
                code.class.to_owned(),
                optional(&code.meaning),
                code.example.clone(),
                optional(&code.first_seen),
                optional(&code.last_seen),
            ];
            let fields: Vec<String> = fields.iter().map(|field| csv_field(field)).collect();
            records += &fields.join(",");
            records.push('\n');
        }
        records
    }
}

/// Rows with their cells below each other.
fn in_columns(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = (row.iter().enumerate())
            .map(|(column, cell)| format!("{cell:<width$}", width = width(column)))
            .collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mapping::coverage::{CodeKey, PlaceKind};

    fn quarantined(display: &str) -> Quarantined {
        Quarantined {
            key: CodeKey {
                kind: PlaceKind::Question,
                system: "urn:lis".to_owned(),
                code: "HFR".to_owned(),
            },
            display: Some(display.to_owned()),
            count: 2,
            first_seen: "2026-11-16T08:00:00.000000Z".to_owned(),
            last_seen: "2026-11-17T08:00:00.000000Z".to_owned(),
            example: "Observation/o".to_owned(),
        }
    }

    #[test]
    fn the_quarantine_shows_when_a_code_was_seen() {
        let list = CodeList::of_quarantine(&[quarantined("HER2 FISH Ratio")]);
        assert_eq!(
            list.print(CodesFormat::Text).unwrap(),
            "kind      code         display          count  mapping   example        first seen                   last seen\n\
             question  urn:lis|HFR  HER2 FISH Ratio  2      UNMAPPED  Observation/o  2026-11-16T08:00:00.000000Z  2026-11-17T08:00:00.000000Z\n\
             \ncodes in quarantine: 1\n"
        );
        let csv = list.print(CodesFormat::Csv).unwrap();
        assert!(csv.ends_with("question,urn:lis,HFR,HER2 FISH Ratio,2,unmapped,,Observation/o,2026-11-16T08:00:00.000000Z,2026-11-17T08:00:00.000000Z\n"), "{csv}");
    }

    #[test]
    fn what_a_sender_wrote_steers_no_terminal() {
        let list = CodeList::of_quarantine(&[quarantined("\u{1b}[2J\u{202e}HER2")]);
        let text = list.print(CodesFormat::Text).unwrap();
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    }
}
