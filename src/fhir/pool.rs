//! Everything that was read, found by reference: the resources of a pull or of some files, as one pool.
//!
//! The newest version of a resource stands in for earlier ones. A reference is resolved the ways senders write
//! them: relative, versioned, absolute, `urn:uuid:`, contained, or by identifier.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::dates::Date;
use super::elements::{Identifier, Reference};
use super::json::Json;

/// Longest name, in bytes. FHIR's own limits are far lower, but for URLs it has none.
pub const MOST_NAME: usize = 4096;

/// Where names stand.
const NAMES: [&str; 12] = [
    "resourceType",
    "id",
    "versionId",
    "lastUpdated",
    "reference",
    "type",
    "system",
    "value",
    "code",
    "unit",
    "status",
    "url",
];

/// One resource as sent.
#[derive(Clone, Debug)]
pub struct Resource<'a> {
    /// `resourceType`
    pub kind: String,
    /// The key it is found by: `Type/id`, `Type/x#id` when contained, its fullUrl, or a position in the input.
    pub key: String,
    /// `meta.versionId`
    pub version: Option<String>,
    /// `meta.lastUpdated`
    pub last_updated: Option<Date>,
    /// The whole content.
    pub json: Json<'a>,
}

/// A resource that could not be taken into the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Where it stood: a file and position, or a page and entry.
    pub place: String,
    /// Why, without its content.
    pub why: String,
    /// SHA-256 of its content where that is known, else of its place: by this the same thing is known again.
    pub content: String,
}

impl Rejected {
    /// Names what could not be read; `content` is its text where there is one.
    pub fn new(place: String, why: String, content: &str) -> Self {
        let digest = Sha256::digest(content.as_bytes());
        let halves = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits = halves.filter_map(|half| char::from_digit(half.into(), 16));
        Self {
            place,
            why,
            content: digits.collect(),
        }
    }
}

/// All resources of one input.
#[derive(Debug, Default)]
pub struct Pool<'a> {
    resources: BTreeMap<String, Resource<'a>>,
    /// fullUrl to key.
    urls: BTreeMap<String, String>,
    /// `Type system|value` to keys.
    identifiers: BTreeMap<String, Vec<String>>,
    /// Base of the server that was read, without a slash at its end.
    base: Option<String>,
    /// How many resources were given again, or in an older version.
    repeated: usize,
    /// Keys under which different contents stand that nothing puts in an order.
    disputed: BTreeSet<String>,
    /// More may be known of its patients than stands in it.
    is_part: bool,
}

impl<'a> Pool<'a> {
    /// An empty pool; absolute references below `base` are taken as relative ones.
    pub fn new(base: Option<&str>) -> Self {
        Self {
            base: base.map(|base| base.trim_end_matches('/').to_owned()),
            ..Self::default()
        }
    }

    /// Notes that more is known of its patients than stands in it.
    pub fn note_part(&mut self) {
        self.is_part = true;
    }

    /// Whether more may be known of its patients than stands in it.
    pub fn is_part(&self) -> bool {
        self.is_part
    }

    /// Takes one resource in. An older version of one already there is ignored.
    ///
    /// # Errors
    /// [`Rejected`] when it is no resource (no object, or no `resourceType`), or when another content stands under the
    /// same id and nothing tells which is newer.
    pub fn add(
        &mut self,
        json: Json<'a>,
        full_url: Option<&str>,
        place: &str,
    ) -> Result<(), Rejected> {
        let reject = |why: &str| Rejected::new(place.to_owned(), why.to_owned(), place);
        let kind = kind_of(&json).map_err(reject)?.to_owned();
        if let Some(why) = too_long(&json) {
            return Err(reject(why));
        }
        let key = match (json.text_at("id"), full_url) {
            (Some(id), _) => format!("{kind}/{id}"),
            (None, Some(url)) => url.to_owned(),
            (None, None) => format!("{kind} in {place}"),
        };
        if let Some(url) = full_url {
            self.urls.insert(url.to_owned(), key.clone());
        }
        let meta = json.get("meta");
        let resource = Resource {
            version: meta
                .and_then(|meta| meta.text_at("versionId"))
                .map(str::to_owned),
            last_updated: meta
                .and_then(|meta| meta.text_at("lastUpdated"))
                .and_then(Date::parse),
            kind,
            key: key.clone(),
            json,
        };
        match self
            .resources
            .get(&key)
            .map(|earlier| age(earlier, &resource))
        {
            None => {}
            Some(Age::Newer) => self.repeated += 1,
            Some(Age::Same | Age::Older) => {
                self.repeated += 1;
                return Ok(());
            }
            Some(Age::Unknown) => {
                self.disputed.insert(key.clone());
                // Whichever came first, the same one is kept.
                let is_kept =
                    (self.resources.get(&key)).is_some_and(|earlier| earlier.json <= resource.json);
                if !is_kept {
                    self.resources.insert(key, resource);
                }
                return Err(reject(
                    "another content stands under the same id, and no version tells which is newer",
                ));
            }
        }
        self.add_contained(&resource);
        self.index(&resource);
        self.resources.insert(key, resource);
        Ok(())
    }

    /// Contained resources are found as `Type/x#id`.
    fn add_contained(&mut self, owner: &Resource<'a>) {
        for contained in owner.json.items_at("contained") {
            let (Some(kind), Some(id)) =
                (contained.text_at("resourceType"), contained.text_at("id"))
            else {
                continue;
            };
            let resource = Resource {
                kind: kind.to_owned(),
                key: format!("{}#{id}", owner.key),
                version: None,
                last_updated: None,
                json: contained.clone(),
            };
            self.index(&resource);
            self.resources.insert(resource.key.clone(), resource);
        }
    }

    fn index(&mut self, resource: &Resource<'a>) {
        for identifier in Identifier::read_all(&resource.json) {
            let name = format!("{} {}", resource.kind, identifier.token());
            let keys = self.identifiers.entry(name).or_default();
            if !keys.contains(&resource.key) {
                keys.push(resource.key.clone());
            }
        }
    }

    /// Whether different contents stand under a key and nothing tells which is newer.
    pub fn is_disputed(&self, key: &str) -> bool {
        self.disputed.contains(key)
    }

    /// How many resources were given again, or in an older version than another.
    pub fn repeated(&self) -> usize {
        self.repeated
    }

    /// The resources of one type, ordered by key, contained ones left out.
    pub fn of_kind<'p>(&'p self, kind: &'p str) -> impl Iterator<Item = &'p Resource<'a>> {
        self.resources
            .values()
            .filter(move |resource| resource.kind == kind && !resource.key.contains('#'))
    }

    /// The resources of one type, contained ones included, ordered by key.
    pub fn of_kind_anywhere<'p>(&'p self, kind: &'p str) -> impl Iterator<Item = &'p Resource<'a>> {
        (self.resources.values()).filter(move |resource| resource.kind == kind)
    }

    /// Every resource that is not contained in another, ordered by key.
    pub fn all(&self) -> impl Iterator<Item = &Resource<'a>> {
        self.resources
            .values()
            .filter(|resource| !resource.key.contains('#'))
    }

    /// The resource with this key.
    pub fn get(&self, key: &str) -> Option<&Resource<'a>> {
        self.resources.get(key)
    }

    /// The patient who stands for this one: whom `Patient.link` names as the replacement, however often that happened. The
    /// patient itself where it was not replaced; records that name each other as their replacement say nothing.
    pub fn surviving(&self, patient: String) -> String {
        let mut seen = BTreeSet::from([patient.clone()]);
        let mut survivor = patient.clone();
        while let Some(next) = self.get(&survivor).and_then(|it| self.replaced_by(it)) {
            if !seen.insert(next.clone()) {
                return patient;
            }
            survivor = next;
        }
        survivor
    }

    /// The patient that replaces this one.
    fn replaced_by(&self, patient: &Resource<'_>) -> Option<String> {
        (patient.json.items_at("link").iter())
            .find(|link| link.text_at("type") == Some("replaced-by"))
            .and_then(|link| {
                let other = Reference::read(link.get("other")?);
                self.key_of(&other, "Patient", &patient.key)
            })
    }

    /// The key of what a reference means, whether it is in the pool or not: `Type/id` where it resolves so, else
    /// `urn:…`, a foreign URL, `system|value`, or `Type/x#id` for a contained resource of `from`.
    pub fn key_of(&self, reference: &Reference<'_>, kind: &str, from: &str) -> Option<String> {
        if let Some(literal) = reference.literal.filter(|literal| !literal.is_empty()) {
            if literal.starts_with('#') {
                let owner = from.split('#').next().unwrap_or(from);
                return Some(format!("{owner}{literal}"));
            }
            let unversioned = literal.split("/_history/").next().unwrap_or(literal);
            if let Some(key) = self.urls.get(unversioned) {
                return Some(key.clone());
            }
            let relative = self
                .base
                .as_deref()
                .and_then(|base| unversioned.strip_prefix(base)?.strip_prefix('/'))
                .unwrap_or(unversioned);
            return Some(relative.to_owned());
        }
        let identifier = reference.identifier.as_ref()?;
        let kind = reference.kind.unwrap_or(kind);
        let token = identifier.token();
        match self
            .identifiers
            .get(&format!("{kind} {token}"))
            .map(Vec::as_slice)
        {
            Some([only]) => Some(only.clone()),
            _ => Some(token),
        }
    }

    /// The resource a reference means, if it is in the pool.
    pub fn resolve(
        &self,
        reference: &Reference<'_>,
        kind: &str,
        from: &str,
    ) -> Option<&Resource<'a>> {
        self.get(&self.key_of(reference, kind, from)?)
    }
}

/// The type of a resource.
///
/// # Errors
/// Why it is no resource.
pub fn kind_of<'r>(json: &'r Json<'_>) -> Result<&'r str, &'static str> {
    if !matches!(json, Json::Object(_)) {
        return Err("not a JSON object");
    }
    (json.text_at("resourceType").filter(|kind| !kind.is_empty()))
        .ok_or("no resourceType, so no FHIR resource")
}

/// Why a resource is not taken: a name in it is longer than names are, and would be copied wherever it is used.
pub fn too_long(json: &Json<'_>) -> Option<&'static str> {
    match json {
        Json::Object(members) => members.iter().find_map(|(key, value)| match value {
            Json::Text(text) if text.len() > MOST_NAME && NAMES.contains(&key.as_ref()) => {
                Some("an id, code, reference or date of more than 4096 bytes")
            }
            value => too_long(value),
        }),
        Json::List(items) => items.iter().find_map(too_long),
        _ => None,
    }
}

/// How a resource compares with an earlier one under the same key.
enum Age {
    Newer,
    Older,
    Same,
    Unknown,
}

fn age(earlier: &Resource<'_>, later: &Resource<'_>) -> Age {
    let number = |resource: &Resource<'_>| {
        resource
            .version
            .as_deref()
            .and_then(|version| version.parse::<u64>().ok())
    };
    let by_version = number(later)
        .zip(number(earlier))
        .map(|(later, earlier)| later.cmp(&earlier))
        .filter(|order| order.is_ne());
    let by_time = || {
        let times = later
            .last_updated
            .as_ref()
            .zip(earlier.last_updated.as_ref());
        times
            .map(|(later, earlier)| later.cmp(earlier))
            .filter(|order| order.is_ne())
    };
    match by_version.or_else(by_time) {
        Some(Ordering::Greater) => Age::Newer,
        Some(Ordering::Less) => Age::Older,
        _ if earlier.json == later.json => Age::Same,
        _ => Age::Unknown,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn reference(literal: &str) -> Reference<'_> {
        Reference {
            literal: Some(literal),
            kind: None,
            identifier: None,
        }
    }

    fn pool<'a>(resources: &[(&'a str, Option<&str>)]) -> Pool<'a> {
        let mut pool = Pool::new(Some("http://lis.example/fhir/"));
        for (text, url) in resources {
            pool.add(Json::parse(text).unwrap(), *url, "a test")
                .unwrap();
        }
        pool
    }

    #[test]
    fn a_patient_stands_for_those_that_were_merged_into_it() {
        let mut pool = Pool::new(None);
        let mut add = |id: &str, by: &str| {
            let text = format!(
                r#"{{"resourceType":"Patient","id":"{id}","link":[{{"type":"replaced-by","other":{{"reference":"Patient/{by}"}}}}]}}"#
            );
            let json = Json::parse(Box::leak(text.into_boxed_str())).unwrap();
            pool.add(json, None, "here").unwrap();
        };
        add("a", "b");
        add("b", "c");
        add("x", "y");
        add("y", "x");
        for (patient, survivor) in [("a", "c"), ("b", "c"), ("c", "c"), ("x", "x"), ("y", "y")] {
            let surviving = pool.surviving(format!("Patient/{patient}"));
            assert_eq!(surviving, format!("Patient/{survivor}"));
        }
    }

    #[test]
    fn every_way_to_write_a_reference_finds_the_same_resource() {
        let specimen = r#"{"resourceType":"Specimen","id":"s1","identifier":[{"system":"urn:lab","value":"S-1"}]}"#;
        let pool = pool(&[(
            specimen,
            Some("urn:uuid:1e208b6b-77f1-4808-a32b-9f9caf1ec334"),
        )]);
        for literal in [
            "Specimen/s1",
            "Specimen/s1/_history/3",
            "http://lis.example/fhir/Specimen/s1",
            "urn:uuid:1e208b6b-77f1-4808-a32b-9f9caf1ec334",
        ] {
            let found = pool.resolve(&reference(literal), "Specimen", "Observation/x");
            assert!(found.is_some(), "{literal}");
        }
        let by_identifier = r#"{"identifier":{"system":"urn:lab","value":"S-1"}}"#;
        let json = Json::parse(by_identifier).unwrap();
        assert!(
            pool.resolve(&Reference::read(&json), "Specimen", "Observation/x")
                .is_some()
        );
    }

    #[test]
    fn an_older_version_that_arrives_later_is_ignored() {
        let newer = r#"{"resourceType":"Observation","id":"o","meta":{"versionId":"10"}}"#;
        let older = r#"{"resourceType":"Observation","id":"o","meta":{"versionId":"9"}}"#;
        let pool = pool(&[(newer, None), (older, None)]);
        assert_eq!(
            pool.get("Observation/o").unwrap().version.as_deref(),
            Some("10")
        );
    }

    #[test]
    fn two_contents_under_one_id_without_a_version_are_not_chosen_between() {
        let mut pool = Pool::new(None);
        let one = r#"{"resourceType":"Observation","id":"o","status":"final"}"#;
        let two = r#"{"resourceType":"Observation","id":"o","status":"amended"}"#;
        pool.add(Json::parse(one).unwrap(), None, "one.json")
            .unwrap();
        pool.add(Json::parse(one).unwrap(), None, "again.json")
            .unwrap();
        assert_eq!(pool.repeated(), 1);
        assert!(
            pool.add(Json::parse(two).unwrap(), None, "two.json")
                .is_err()
        );
    }

    #[test]
    fn what_is_no_resource_is_named_with_its_place() {
        let mut pool = Pool::new(None);
        let rejected = pool
            .add(Json::parse("{}").unwrap(), None, "file.json")
            .unwrap_err();
        assert_eq!(rejected.place, "file.json");
        assert!(
            pool.add(Json::parse("[1]").unwrap(), None, "file.json")
                .is_err()
        );
    }
}
