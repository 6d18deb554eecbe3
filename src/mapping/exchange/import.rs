//! ConceptMaps and ValueSets, of our own export or made elsewhere, as a mapping file to review.
//!
//! What a mapping file cannot say is refused by name; what says nothing is left out, and said.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::Value;

use super::mapping_file::{NewRow, compose};
use super::{MATCH, NO_UNIT, SIDE, SITE, TEXTS, UNDER};
use crate::mapping::table::layers::{SourceFile, Stack};
use crate::mapping::table::rows::{Extras, Form, Table, fault_of_meaning};

/// A mapping file made of FHIR resources.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The file, as TOML.
    pub text: String,
    /// What was left out, in sentences.
    pub said: Vec<String>,
}

/// Why no mapping file can be made; the resources are to be mended.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Something that a mapping file cannot say.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
    /// No resource gives a row.
    #[error(
        "there is nothing to import: no ConceptMap with a usable row, and no ValueSet with a finding to bind it to"
    )]
    Nothing,
    /// `--is` names no finding.
    #[error("finding `{0}` is unknown")]
    UnknownFinding(String),
}

/// Makes a mapping file of the ConceptMaps among the resources, and of the ValueSets if `is` names the finding that
/// their codes ask for. Systems that `known` defines keep their short names and spellings; `{base}` stands for `base`.
///
/// # Errors
/// [`ImportError`] names everything that cannot be kept.
pub fn import(
    resources: &[Value],
    known: &Stack,
    base: &str,
    is: Option<&str>,
    today: NaiveDate,
) -> Result<Imported, ImportError> {
    if let Some(is) = is
        && fault_of_meaning(Table::Finding, is, Extras::default()).is_some()
    {
        return Err(ImportError::UnknownFinding(is.to_owned()));
    }
    let mut reader = Reader::default();
    for resource in resources {
        match (text_at(resource, "resourceType"), is) {
            (Some("ConceptMap"), _) => reader.concept_map(resource),
            (Some("ValueSet"), Some(is)) => reader.value_set(resource, is),
            (kind, _) => {
                let kind = kind.unwrap_or("a resource without a type");
                let why = match kind {
                    "ValueSet" => "no finding is named for its codes",
                    _ => "neither a ConceptMap nor a ValueSet",
                };
                (reader.said).push(format!("{} is left out: {why}", title_of(resource)));
            }
        }
    }
    reader.finish(known, base, today)
}

#[derive(Default)]
struct Reader {
    titles: Vec<String>,
    rows: Vec<NewRow>,
    said: Vec<String>,
    refused: Vec<String>,
}

impl Reader {
    fn concept_map(&mut self, map: &Value) {
        let title = title_of(map);
        for group in items_at(map, "group") {
            let Some(table) = text_at(group, "target").and_then(table_of) else {
                let target = text_at(group, "target").unwrap_or("none");
                (self.refused).push(format!(
                    "{title}: its target `{target}` is no code system of this program, such as her2-answer"
                ));
                continue;
            };
            let Some(source) = text_at(group, "source") else {
                (self.refused).push(format!("{title}: a group names no source system"));
                continue;
            };
            let source = without_version(source);
            if group.get("unmapped").is_some() {
                (self.said).push(format!(
                    "{title}: what it says of unmapped codes of {source} is left out"
                ));
            }
            for element in items_at(group, "element") {
                self.element(&title, table, source, element);
            }
        }
        self.titles.push(title);
    }

    fn element(&mut self, title: &str, table: Table, source: &str, element: &Value) {
        let Some(code) = text_at(element, "code") else {
            (self.refused).push(format!("{title}: an element of {source} has no code"));
            return;
        };
        let label = format!("{source}|{code}");
        if items_at(element, "target").is_empty() {
            (self.said).push(format!("{title}: {label} has no target and is left out"));
        }
        for target in items_at(element, "target") {
            if let Some(why) = why_no_row(target) {
                (self.said).push(format!("{title}: {label} {why} and is left out"));
                continue;
            }
            match row_of(table, source, code, element, target) {
                Ok(row) => self.rows.push(row),
                Err(why) => self.refused.push(format!("{title}: {label}: {why}")),
            }
        }
    }

    fn value_set(&mut self, set: &Value, is: &str) {
        let title = title_of(set);
        let expansion = set.get("expansion");
        let compose = set.get("compose");
        let mut codes: Vec<(&str, &Value)> = Vec::new();
        let listed = match (expansion, compose) {
            (Some(expansion), _) => contained(expansion, &mut codes),
            (None, Some(compose)) => included(compose, &mut codes),
            (None, None) => Err("it lists no codes".to_owned()),
        };
        if let Err(why) = listed {
            self.refused.push(format!("{title}: {why}"));
            return;
        }
        for (system, concept) in codes {
            let Some(code) = text_at(concept, "code") else {
                (self.refused).push(format!("{title}: an entry of {system} has no code"));
                continue;
            };
            self.rows.push(NewRow {
                table: Table::Finding,
                is: is.to_owned(),
                site: None,
                side: None,
                under: None,
                form: Form::Code,
                system: without_version(system).to_owned(),
                text: code.to_owned(),
                display: text_at(concept, "display").unwrap_or("").to_owned(),
            });
        }
        self.titles.push(title);
    }

    fn finish(
        mut self,
        known: &Stack,
        base: &str,
        today: NaiveDate,
    ) -> Result<Imported, ImportError> {
        self.rows.sort();
        self.rows.dedup_by(|one, other| one.says_what(other));
        self.refused.extend(two_meanings(&self.rows));
        if !self.refused.is_empty() {
            return Err(ImportError::Refused(self.refused));
        }
        if self.rows.is_empty() {
            return Err(ImportError::Nothing);
        }
        let text = compose(&self.rows, &self.titles, known, base, today);
        let file = SourceFile {
            name: "the imported file".to_owned(),
            text,
        };
        let faults = Stack::read(&[vec![file.clone()]], base).faults;
        if !faults.is_empty() {
            let faults = faults.iter().map(|fault| fault.error.to_string());
            return Err(ImportError::Refused(faults.collect()));
        }
        Ok(Imported {
            text: file.text,
            said: self.said,
        })
    }
}

/// The codes that are given two meanings for one question.
fn two_meanings(rows: &[NewRow]) -> Vec<String> {
    let mut first: BTreeMap<_, &NewRow> = BTreeMap::new();
    let codes = rows.iter().filter(|row| row.form != Form::Word);
    codes
        .filter_map(|row| {
            let code = (row.table, row.form, &row.system, &row.text, &row.under);
            let earlier = first.insert(code, row)?;
            Some(format!(
                "{}|{} is both {} and {}",
                row.system, row.text, earlier.is, row.is
            ))
        })
        .collect()
}

/// Why a target gives no row: it does not say that the code means this, or means no more than this.
fn why_no_row(target: &Value) -> Option<String> {
    let relation = text_at(target, "equivalence").or_else(|| text_at(target, "relationship"));
    match relation {
        Some("equivalent" | "equal" | "wider" | "subsumes" | "source-is-narrower-than-target") => {
            None
        }
        Some("unmatched" | "disjoint" | "not-related-to") => {
            Some("is mapped to nothing".to_owned())
        }
        Some(relation) => Some(format!("is only {relation} to its target")),
        None => Some("does not say how it relates to its target".to_owned()),
    }
}

fn row_of(
    table: Table,
    source: &str,
    code: &str,
    element: &Value,
    target: &Value,
) -> Result<NewRow, String> {
    let is = text_at(target, "code").ok_or("its target has no code")?;
    let is_text = source.rsplit('/').next() == Some(TEXTS);
    let mut row = NewRow {
        table,
        is: is.to_owned(),
        site: None,
        side: None,
        under: None,
        form: if is_text { Form::Word } else { Form::Code },
        system: if is_text { "" } else { source }.to_owned(),
        text: match code {
            NO_UNIT if table == Table::Units => String::new(),
            code => code.to_owned(),
        },
        display: text_at(element, "display").unwrap_or("").to_owned(),
    };
    if is_text {
        row.display.clear();
    } else if !table.has_codes() {
        return Err(format!("{} hold texts and no codes", table.name()));
    }
    for condition in items_at(target, "dependsOn") {
        let (name, value) = beside(condition)?;
        match (name.rsplit('/').next(), value) {
            (Some(MATCH), "prefix") => row.form = Form::Prefix,
            (Some(MATCH), "suffix") => row.form = Form::Suffix,
            (Some(UNDER), value) => row.under = Some(value.to_owned()),
            _ => {
                return Err(format!(
                    "it depends on {name} = {value}, which no row can say"
                ));
            }
        }
    }
    for outcome in items_at(target, "product") {
        let (name, value) = beside(outcome)?;
        match name.rsplit('/').next() {
            Some(SITE) => row.site = Some(value.to_owned()),
            Some(SIDE) => row.side = Some(value.to_owned()),
            _ => {
                return Err(format!(
                    "it also says {name} = {value}, which no row can say"
                ));
            }
        }
    }
    let extras = Extras {
        site: row.site.as_deref(),
        side: row.side.as_deref(),
        under: row.under.as_deref(),
    };
    match fault_of_meaning(table, is, extras) {
        Some(why) => Err(why),
        None => Ok(row),
    }
}

/// Name and value of a dependency or product, in the words of R4 and R5.
fn beside(part: &Value) -> Result<(&str, &str), String> {
    let name = text_at(part, "property").or_else(|| text_at(part, "attribute"));
    let value = ["value", "valueCode", "valueString"]
        .into_iter()
        .find_map(|key| text_at(part, key))
        .or_else(|| text_at(part.get("valueCoding")?, "code"));
    (name.zip(value)).ok_or_else(|| "a dependency or product has no name or value".to_owned())
}

/// The table whose meanings a code system of ours holds.
fn table_of(system: &str) -> Option<Table> {
    let name = without_version(system).rsplit('/').next()?;
    let name = name.strip_prefix("her2-")?;
    Table::ALL.into_iter().find(|table| table.name() == name)
}

/// The codes of an expansion, which must be whole.
fn contained<'v>(
    expansion: &'v Value,
    codes: &mut Vec<(&'v str, &'v Value)>,
) -> Result<(), String> {
    let mut waiting: Vec<&Value> = items_at(expansion, "contains").iter().collect();
    let mut seen: u64 = 0;
    while let Some(entry) = waiting.pop() {
        seen += 1;
        waiting.extend(items_at(entry, "contains"));
        let is_abstract = entry.get("abstract") == Some(&Value::Bool(true));
        if let (Some(system), false) = (text_at(entry, "system"), is_abstract) {
            codes.push((system, entry));
        }
    }
    match expansion.get("total").and_then(Value::as_u64) {
        Some(total) if total != seen => Err(format!(
            "its expansion has {seen} of {total} entries; expand it whole"
        )),
        _ => Ok(()),
    }
}

/// The codes of a definition, which must list each of them.
fn included<'v>(compose: &'v Value, codes: &mut Vec<(&'v str, &'v Value)>) -> Result<(), String> {
    if !items_at(compose, "exclude").is_empty() {
        return Err("it leaves codes out; expand it first".to_owned());
    }
    for include in items_at(compose, "include") {
        let concepts = items_at(include, "concept");
        let Some(system) = text_at(include, "system") else {
            return Err("it includes another value set; expand it first".to_owned());
        };
        let is_listed = include.get("filter").is_none() && include.get("valueSet").is_none();
        if concepts.is_empty() || !is_listed {
            return Err(format!(
                "it does not list its codes of {system}; expand it first"
            ));
        }
        codes.extend(concepts.iter().map(|concept| (system, concept)));
    }
    Ok(())
}

/// A canonical without the version after `|`.
fn without_version(canonical: &str) -> &str {
    canonical.split('|').next().unwrap_or(canonical)
}

fn title_of(resource: &Value) -> String {
    ["title", "name", "url", "id", "resourceType"]
        .into_iter()
        .find_map(|key| text_at(resource, key))
        .unwrap_or("a resource without a type")
        .to_owned()
}

fn text_at<'v>(json: &'v Value, key: &str) -> Option<&'v str> {
    json.get(key).and_then(Value::as_str)
}

fn items_at<'v>(json: &'v Value, key: &str) -> &'v [Value] {
    json.get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}
