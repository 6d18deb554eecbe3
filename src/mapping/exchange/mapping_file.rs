//! A mapping file as text.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::mapping::lint::NOBODY;
use crate::mapping::table::layers::Stack;
use crate::mapping::table::rows::{Form, Table};

/// A row to write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NewRow {
    pub(super) table: Table,
    pub(super) is: String,
    pub(super) form: Form,
    /// URI of its system; empty for a word.
    pub(super) system: String,
    pub(super) text: String,
    pub(super) site: Option<String>,
    pub(super) side: Option<String>,
    pub(super) under: Option<String>,
    pub(super) display: String,
}

impl NewRow {
    /// Whether it is the same row as another, whatever its display.
    pub(super) fn says_what(&self, other: &Self) -> bool {
        let without_display = |row: &Self| Self {
            display: String::new(),
            ..row.clone()
        };
        without_display(self) == without_display(other)
    }
}

/// The text of a mapping file that nobody has reviewed. Rows are sorted.
pub(super) fn compose(
    rows: &[NewRow],
    titles: &[String],
    known: &Stack,
    base: &str,
    today: NaiveDate,
) -> String {
    let systems = Systems::of(rows, known);
    let mut text = format!(
        "# Made by `her2-adapter mappings import`. Look through every row, then set reviewed_by and reviewed_on.\n\n\
         [header]\nname = \"imported\"\npurpose = {}\nsource = \"imported from FHIR\"\nversion = \"1\"\n\
         reviewed_by = \"{NOBODY}\"\nreviewed_on = \"{today}\"\n\n[systems]\n",
        quoted(&titles.join("; "))
    );
    for (short, spellings) in systems.shorts.values() {
        let spellings: Vec<String> = (spellings.iter())
            .map(|uri| quoted(&uri.replacen(base, "{base}", usize::from(uri.starts_with(base)))))
            .collect();
        text += &format!("{} = [{}]\n", key(short), spellings.join(", "));
    }
    for block in rows.chunk_by(|one, other| (one.table, &one.is) == (other.table, &other.is)) {
        if let Some(first) = block.first()
            && first.table.has_codes()
        {
            text += &block_of(first.table, &first.is, block, &systems);
        }
    }
    text += &lists(rows, Table::Units, "[units]");
    text += &lists(rows, Table::Words, "[words]");
    let bounds = [Table::RatioBounds, Table::CopiesBounds].map(|table| bounds(rows, table));
    if !bounds.concat().is_empty() {
        if !text.contains("\n[words]\n") {
            text += "\n[words]\n";
        }
        text += &bounds.concat();
    }
    text
}

fn block_of(table: Table, is: &str, rows: &[NewRow], systems: &Systems) -> String {
    let is = match table {
        Table::Grade => is.to_owned(),
        _ => quoted(is),
    };
    let mut text = format!("\n[[{}]]\nis = {is}\n", table.name());
    let codes: Vec<String> = (rows.iter())
        .filter(|row| row.form != Form::Word)
        .map(|row| {
            let mut parts = vec![
                ("system", systems.short(&row.system)),
                (row.form.name(), row.text.as_str()),
            ];
            for (key, part) in [
                ("under", &row.under),
                ("site", &row.site),
                ("side", &row.side),
            ] {
                parts.extend(part.as_deref().map(|part| (key, part)));
            }
            parts.push(("display", &row.display));
            let parts: Vec<String> = (parts.into_iter())
                .map(|(key, part)| format!("{key} = {}", quoted(part)))
                .collect();
            format!("  {{ {} }},\n", parts.join(", "))
        })
        .collect();
    if !codes.is_empty() {
        text += &format!("codes = [\n{}]\n", codes.concat());
    }
    let words = words(rows.iter().filter(|row| row.form == Form::Word));
    if !words.is_empty() {
        text += &format!("words = [{words}]\n");
    }
    text
}

/// A section of lists of words; nothing where there are none.
fn lists(rows: &[NewRow], table: Table, section: &str) -> String {
    let rows: Vec<&NewRow> = rows.iter().filter(|row| row.table == table).collect();
    let lists: Vec<String> = (rows.chunk_by(|one, other| one.is == other.is))
        .filter_map(|list| {
            let is = &list.first()?.is;
            Some(format!("{} = [{}]\n", key(is), words(list.iter().copied())))
        })
        .collect();
    if lists.is_empty() {
        return String::new();
    }
    format!("\n{section}\n{}", lists.concat())
}

fn bounds(rows: &[NewRow], table: Table) -> String {
    let bounds: Vec<String> = (rows.iter())
        .filter(|row| row.table == table)
        .map(|row| format!("{} = {}", quoted(&row.text), quoted(&row.is)))
        .collect();
    if bounds.is_empty() {
        return String::new();
    }
    format!("{} = {{ {} }}\n", table.name(), bounds.join(", "))
}

fn words<'r>(rows: impl Iterator<Item = &'r NewRow>) -> String {
    let words: Vec<String> = rows.map(|row| quoted(&row.text)).collect();
    words.join(", ")
}

/// A basic string of TOML. The library would choose among four kinds of quotes, from one row to the next.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                quoted += &format!("\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

/// A TOML key.
fn key(name: &str) -> String {
    let is_bare = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    if !name.is_empty() && name.chars().all(is_bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// Short names and spellings of systems, by the URI that rows name.
struct Systems {
    shorts: BTreeMap<String, (String, Vec<String>)>,
}

impl Systems {
    /// A system that is known by this URI before others keeps its name and spellings; another one is named after the
    /// end of its URI.
    fn of(rows: &[NewRow], known: &Stack) -> Self {
        let defined = || known.files.iter().flat_map(|file| &file.systems);
        let mut taken: BTreeSet<String> = defined().map(|(short, ..)| short.clone()).collect();
        let mut shorts = BTreeMap::new();
        for row in rows.iter().filter(|row| row.form != Form::Word) {
            if shorts.contains_key(&row.system) {
                continue;
            }
            let found = defined().find(|(_, spellings, _)| spellings.first() == Some(&row.system));
            let entry = match found {
                Some((short, spellings, _)) => (short.clone(), spellings.clone()),
                None => {
                    let short = new_short(&row.system, &taken);
                    taken.insert(short.clone());
                    (short, vec![row.system.clone()])
                }
            };
            shorts.insert(row.system.clone(), entry);
        }
        Self { shorts }
    }

    fn short(&self, uri: &str) -> &str {
        self.shorts.get(uri).map_or("", |(short, _)| short)
    }
}

fn new_short(uri: &str, taken: &BTreeSet<String>) -> String {
    let end = uri.rsplit(['/', ':']).find(|part| !part.is_empty());
    let name: String = (end.unwrap_or("system").chars())
        .map(|character| match character {
            letter if letter.is_ascii_alphanumeric() => letter.to_ascii_lowercase(),
            _ => '-',
        })
        .collect();
    (1..)
        .map(|number| match number {
            1 => name.clone(),
            number => format!("{name}-{number}"),
        })
        .find(|name| !taken.contains(name))
        .unwrap_or(name)
}
