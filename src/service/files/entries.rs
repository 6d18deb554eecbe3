//! The resources of files, one group at a time: what belongs together is parsed together, and dropped before the next.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Input;
use crate::fhir::dates::{Date, Precision};
use crate::fhir::groups::{FirstLook, Groups, MOST_TOGETHER, MOST_VALUES_TOGETHER};
use crate::fhir::json::{Json, NotJson, for_each_item, whole};
use crate::fhir::pool::{MOST_NAME, Pool, Rejected, kind_of, too_long};

/// A Bundle in so many others is not opened.
const MOST_BUNDLES: usize = 8;

const TOO_MANY_VALUES: &str = "more than 200000 values belong together";

/// Reports times Observations among them: each report may name each Observation.
const MOST_PAIRS: usize = 100_000;

/// The resources of an input after a first look.
#[derive(Debug)]
pub struct Entries<'i> {
    input: &'i Input,
    entries: Vec<Entry>,
    bundles: Vec<Bundle>,
    groups: Groups,
    newest: Option<Date>,
}

/// Where a resource stands.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The first byte of the entry of a Bundle, or of the resource where it is in none.
    start: u32,
    length: u32,
    at: At,
}

/// An item of a file, in lines, or of a Bundle, in entries.
#[derive(Clone, Copy, Debug)]
struct At {
    bundle: u32,
    index: u32,
}

/// What entries stand in: a file, or a Bundle at a place.
#[derive(Clone, Copy, Debug)]
enum Bundle {
    File(u32),
    Within(At),
}

/// Resources that belong together, and what they refer to.
#[derive(Debug)]
pub struct Together<'i> {
    /// All of them.
    pub pool: Pool<'i>,
    /// How many there are of each type, those left out that others only refer to.
    pub kinds: BTreeMap<String, usize>,
    /// How many were given again, or in an older version than another.
    pub repeated: usize,
}

/// Resources that belong together, unread.
#[derive(Debug)]
pub struct Group<'e, 'i, M> {
    entries: &'e Entries<'i>,
    members: M,
}

/// What is looked at before a resource is parsed; its values are unread.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "resourceType")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, rename = "fullUrl")]
    full_url: Option<&'a RawValue>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    entry: Option<&'a RawValue>,
}

impl<'i> Entries<'i> {
    /// Looks at every resource of an input. What is none is handed to `reject`, with its place.
    pub fn look(input: &'i Input, whole_patients: bool, reject: &mut impl FnMut(Rejected)) -> Self {
        Self::look_for(input, whole_patients, &|_| false, reject)
    }

    /// The same, where everything of a patient belongs together of whom one resource `bears_on_all`.
    pub fn look_for(
        input: &'i Input,
        whole_patients: bool,
        bears_on_all: &dyn Fn(&Json<'_>) -> bool,
        reject: &mut impl FnMut(Rejected),
    ) -> Self {
        let mut look = Look {
            input,
            entries: Vec::new(),
            bundles: Vec::new(),
            first_look: FirstLook::default(),
            newest: None,
            position: Position::new(""),
            bears_on_all,
            reject,
        };
        for (file, text) in (0..).zip(&input.texts) {
            look.file(file, &text.text);
        }
        Self {
            input,
            entries: look.entries,
            bundles: look.bundles,
            groups: look.first_look.groups(whole_patients),
            newest: look.newest,
        }
    }

    /// How many groups there are.
    pub fn count(&self) -> usize {
        self.groups.count()
    }

    /// The groups in the order in which they begin in the input.
    pub fn groups(
        &self,
    ) -> impl Iterator<Item = Group<'_, 'i, impl ExactSizeIterator<Item = u32> + Clone>> {
        self.groups.iter().map(|members| Group {
            entries: self,
            members,
        })
    }

    /// The newest moment that any resource states, as a FHIR instant: `issued` and `recorded` of what is derived offline,
    /// so that the same input gives the same bytes.
    pub fn newest_moment(&self) -> String {
        match &self.newest {
            Some(date) if date.precision() == Precision::Instant => date.text().to_owned(),
            Some(date) => date.earliest().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            None => "1970-01-01T00:00:00Z".to_owned(),
        }
    }

    /// The text of a resource and its address, and its place.
    fn resource(&self, number: u32) -> Option<(&'i str, Option<Cow<'i, str>>, String)> {
        let entry = self.entries.get(number as usize)?;
        let file = file_of(&self.bundles, entry.at)?;
        let text = self.input.texts.get(file as usize)?.text.as_str();
        let start = entry.start as usize;
        let text = text.get(start..start + entry.length as usize)?;
        let place = place_of(self.input, &self.bundles, entry.at, None);
        match self.bundles.get(entry.at.bundle as usize)? {
            Bundle::File(_) => Some((text, None, place)),
            Bundle::Within(_) => {
                let envelope: Envelope<'_> = serde_json::from_str(text).ok()?;
                let text = envelope.resource?.get();
                Some((text, full_url(&envelope), place))
            }
        }
    }
}

impl<'i, M: ExactSizeIterator<Item = u32> + Clone> Group<'_, 'i, M> {
    /// The resources in a pool. What cannot be taken is handed to `reject`; `None` where that is the whole group, since
    /// it is larger than what is ever decided together.
    pub fn read(&self, reject: &mut impl FnMut(Rejected)) -> Option<Together<'i>> {
        let mut rejected = Vec::new();
        match self.try_read(&mut rejected) {
            Ok(together) => {
                rejected.into_iter().for_each(reject);
                Some(together)
            }
            Err(why) => {
                for number in self.members.clone() {
                    if let Some((text, _, place)) = self.entries.resource(number) {
                        reject(Rejected::new(place, why.to_owned(), text));
                    }
                }
                None
            }
        }
    }

    fn try_read(&self, rejected: &mut Vec<Rejected>) -> Result<Together<'i>, &'static str> {
        if self.members.len() > MOST_TOGETHER {
            return Err("more than 2000 resources belong together");
        }
        let mut left = MOST_VALUES_TOGETHER;
        let mut pool = Pool::new(None);
        let first = self.members.clone().next();
        if first.is_some_and(|first| self.entries.groups.is_part(first)) {
            pool.note_part();
        }
        let mut looked_up = BTreeSet::new();
        for number in self.members.clone() {
            if let Some((text, full_url, place)) = self.entries.resource(number) {
                let json = Json::parse_within(text, &mut left).map_err(|_| TOO_MANY_VALUES)?;
                let named = self.entries.groups.looked_up(&json);
                looked_up.extend(named.ok_or("it refers to a resource of too many versions")?);
                rejected.extend(pool.add(json, full_url.as_deref(), &place).err());
            }
        }
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for resource in pool.all() {
            *kinds.entry(resource.kind.clone()).or_default() += 1;
        }
        let count = |kind| kinds.get(kind).copied().unwrap_or(0);
        if count("DiagnosticReport") * count("Observation") > MOST_PAIRS {
            return Err("too many reports and results belong together");
        }
        let repeated = pool.repeated();
        let mut seen = looked_up.clone();
        while let Some(number) = looked_up.pop_first() {
            if let Some((text, full_url, place)) = self.entries.resource(number) {
                let json = Json::parse_within(text, &mut left).map_err(|_| TOO_MANY_VALUES)?;
                // A patient may have been merged into one that was merged itself.
                if json.text_at("resourceType") == Some("Patient") {
                    let linked = self.entries.groups.looked_up(&json).unwrap_or_default();
                    looked_up.extend(linked.into_iter().filter(|number| seen.insert(*number)));
                }
                // What is wrong with it is said where its own group is read.
                let _ = pool.add(json, full_url.as_deref(), &place);
            }
        }
        Ok(Together {
            pool,
            kinds,
            repeated,
        })
    }
}

/// Finds the resources of an input.
struct Look<'i, 'r, R> {
    input: &'i Input,
    entries: Vec<Entry>,
    bundles: Vec<Bundle>,
    first_look: FirstLook,
    newest: Option<Date>,
    position: Position<'i>,
    bears_on_all: &'r dyn Fn(&Json<'_>) -> bool,
    reject: &'r mut R,
}

impl<'i, R: FnMut(Rejected)> Look<'i, '_, R> {
    /// One JSON text, or else one text per line when the first line alone is a whole JSON value.
    fn file(&mut self, file: u32, text: &'i str) {
        self.position = Position::new(text);
        let bundle = self.open(Bundle::File(file));
        let mut lines = (1..)
            .zip(text.lines())
            .filter(|(_, line)| !line.trim().is_empty());
        let first = lines.next();
        let is_ndjson =
            lines.next().is_some() && first.is_some_and(|(_, first)| whole(first).is_ok());
        if !is_ndjson {
            self.text(text, At { bundle, index: 1 });
            return;
        }
        for (index, line) in (1..).zip(text.lines()) {
            if !line.trim().is_empty() {
                self.text(line, At { bundle, index });
            }
        }
    }

    fn open(&mut self, bundle: Bundle) -> u32 {
        self.bundles.push(bundle);
        self.bundles.len() as u32 - 1
    }

    fn text(&mut self, text: &'i str, at: At) {
        match whole(text) {
            Ok(raw) => self.resource(raw.get(), raw.get(), None, at, 0),
            Err(error) => self.reject_at(&error, text, at),
        }
    }

    fn entry(&mut self, text: &'i str, at: At, depth: usize) {
        let envelope = match text.starts_with('{').then(|| Envelope::read(text)) {
            None => return self.reject("an entry without a resource", text, at),
            Some(Err(error)) => return self.reject_at(&error, text, at),
            Some(Ok(envelope)) => envelope,
        };
        match envelope.resource {
            None => self.reject("an entry without a resource", text, at),
            Some(resource) => {
                let url = full_url(&envelope);
                self.resource(resource.get(), text, url.as_deref(), at, depth);
            }
        }
    }

    /// A resource in the text of its entry; of a Bundle, its entries.
    fn resource(
        &mut self,
        text: &'i str,
        entry: &'i str,
        full_url: Option<&str>,
        at: At,
        depth: usize,
    ) {
        if let Some(Ok(envelope)) = text.starts_with('{').then(|| Envelope::read(text))
            && envelope.is_bundle()
        {
            if depth == MOST_BUNDLES {
                return self.reject("a Bundle in too many others", text, at);
            }
            let bundle = self.open(Bundle::Within(at));
            let mut index = 0;
            if let Some(entries) = envelope.entry {
                let _ = for_each_item(entries, |entry| {
                    self.entry(entry.get(), At { bundle, index }, depth + 1);
                    index += 1;
                    true
                });
            }
            return;
        }
        let json = match Json::parse(text) {
            Ok(json) => json,
            Err(error) => return self.reject_at(&error, text, at),
        };
        if let Err(why) = kind_of(&json) {
            return self.reject(why, text, at);
        }
        if let Some(why) = too_long(&json) {
            return self.reject(why, text, at);
        }
        let moments = [
            json.text_at("issued"),
            json.text_at("effectiveDateTime"),
            json.text_at("authored"),
            json.get("meta")
                .and_then(|meta| meta.text_at("lastUpdated")),
        ];
        let dates = moments.into_iter().flatten().filter_map(Date::parse);
        self.newest = dates.chain(self.newest.take()).max();
        self.first_look.note(&json, full_url);
        if (self.bears_on_all)(&json) {
            self.first_look.note_whole_patient(&json);
        }
        let start = self.position.offset_of(entry);
        self.entries.push(Entry {
            start: start as u32,
            length: entry.len() as u32,
            at,
        });
    }

    fn reject(&mut self, why: &str, content: &str, at: At) {
        let place = place_of(self.input, &self.bundles, at, None);
        (self.reject)(Rejected::new(place, why.to_owned(), content));
    }

    fn reject_at(&mut self, error: &NotJson, text: &'i str, at: At) {
        let position = self.position.of(text, error);
        let place = place_of(self.input, &self.bundles, at, Some(position));
        (self.reject)(Rejected::new(place, error.why.to_owned(), text));
    }
}

impl<'a> Envelope<'a> {
    fn read(text: &'a str) -> Result<Self, NotJson> {
        serde_json::from_str(text).map_err(|_| NotJson {
            line: 1,
            column: 1,
            why: "a key that stands twice in one object",
        })
    }
}

impl Envelope<'_> {
    fn is_bundle(&self) -> bool {
        let kind = self.kind.and_then(|kind| Json::parse(kind.get()).ok());
        kind.is_some_and(|kind| kind.text() == Some("Bundle"))
    }
}

/// Lines of a file, counted once from its beginning on.
struct Position<'i> {
    file: &'i str,
    /// A place up to which lines were counted, its line from 1, and where that begins.
    counted: (usize, usize, usize),
}

impl<'i> Position<'i> {
    fn new(file: &'i str) -> Self {
        Self {
            file,
            counted: (0, 1, 0),
        }
    }

    /// Where a part of the file begins, in bytes.
    fn offset_of(&self, part: &'i str) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.file.as_ptr() as usize)
    }

    /// Line and column in the file of an error in a part of it.
    fn of(&mut self, part: &'i str, error: &NotJson) -> (usize, usize) {
        let offset = self.offset_of(part);
        let (mut from, mut line, mut begins) = self.counted;
        if offset < from {
            (from, line, begins) = (0, 1, 0);
        }
        let between = self.file.get(from..offset).unwrap_or("");
        line += between.matches('\n').count();
        if let Some(last) = between.rfind('\n') {
            begins = from + last + 1;
        }
        self.counted = (offset, line, begins);
        match error.line {
            1 => (line, offset - begins + error.column),
            further => (line + further - 1, error.column),
        }
    }
}

fn full_url<'a>(envelope: &Envelope<'a>) -> Option<Cow<'a, str>> {
    match Json::parse(envelope.full_url?.get()) {
        Ok(Json::Text(url)) if url.len() <= MOST_NAME => Some(url),
        _ => None,
    }
}

/// The file that something stands in.
fn file_of(bundles: &[Bundle], mut at: At) -> Option<u32> {
    loop {
        match bundles.get(at.bundle as usize)? {
            Bundle::File(file) => return Some(*file),
            Bundle::Within(outer) => at = *outer,
        }
    }
}

/// Where something stands, for people; `position` is that of a fault in it, as line and column.
fn place_of(input: &Input, bundles: &[Bundle], at: At, position: Option<(usize, usize)>) -> String {
    match bundles.get(at.bundle as usize) {
        Some(Bundle::Within(outer)) => {
            let outer = place_of(input, bundles, *outer, position);
            format!("{outer}, Bundle.entry[{}]", at.index)
        }
        Some(Bundle::File(file)) => {
            let file = input.texts.get(*file as usize);
            let name = file.map_or("", |file| file.place.as_str());
            match position {
                Some((line, column)) => format!("{name}, line {line}, column {column}"),
                None => format!("{name}, line {}", at.index),
            }
        }
        None => String::new(),
    }
}
