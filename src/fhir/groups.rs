//! Which resources of a large input bear on each other, told from a first look at each, so that the input can be read
//! and decided group by group.
//!
//! Reports, Observations and specimens belong together when one refers to another, when they name one specimen, or when
//! they are of one patient and share an order or an identifier. Every other resource, such as a Condition, is looked up
//! by those that refer to it and joins nothing.
//!
//! Names are kept as hashes: two that meet by chance make a group larger, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::elements::{Identifier, Reference};
use super::json::Json;

/// More resources than this are not decided together. What belongs together is a patient's reports on some specimens;
/// panels of hundreds of genes are among them.
pub const MOST_TOGETHER: usize = 2_000;

/// Values of the resources that are decided together.
pub const MOST_VALUES_TOGETHER: usize = 200_000;

/// A patient is read as a whole for the sake of advice where there are no more resources than this: all results of a few years,
/// and far below what is too much to be decided together.
const MOST_FOR_ADVICE: usize = 300;

/// Of resources that only lend a name, such as a Patient that every message repeats, this many are looked at.
const MOST_NAMED: usize = 16;

/// A resource that is read, and given in more versions than this, is not searched for its newest one.
const MOST_VERSIONS: usize = 64;

/// What a first look at every resource has found.
#[derive(Debug, Default)]
pub struct FirstLook {
    count: u32,
    names: Vec<Name>,
    keys: Vec<SharedKey>,
    /// Patients of whom everything bears on each other.
    whole: Vec<u64>,
}

/// A name that a resource has or uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    hash: u64,
    role: Role,
    resource: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// The name of a resource that others read.
    Read,
    /// The name of any other resource, which only says what else it is called.
    Named,
    /// An identifier of either.
    Identified,
    /// The name of a report, Observation or specimen.
    Own,
    /// It refers to tissue or to a result: it joins even when what is meant is not there.
    Joins,
    /// Any other reference.
    Mentions,
    /// An identifier of a report, Observation or specimen.
    OwnIdentifier,
}

/// What joins resources of one patient only.
#[derive(Clone, Copy, Debug)]
struct SharedKey {
    hash: u64,
    resource: u32,
    kind: KeyKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum KeyKind {
    Subject,
    Order,
    Identifier,
}

impl FirstLook {
    /// Notes that everything of a resource's patient belongs together.
    pub fn note_whole_patient(&mut self, json: &Json<'_>) {
        let subjects = Reference::read_all(json, "subject");
        let names = subjects
            .iter()
            .filter_map(|subject| names_of(subject).next());
        self.whole.extend(names);
    }

    /// Notes the next resource; resources are numbered from 0 in the order they are noted.
    pub fn note(&mut self, json: &Json<'_>, full_url: Option<&str>) {
        let resource = self.count;
        self.count += 1;
        let kind = json.text_at("resourceType").unwrap_or("");
        let joins = is_joined(kind);
        let key = json.text_at("id").map(|id| format!("{kind}/{id}"));
        for name in key.as_deref().into_iter().chain(full_url) {
            let role = match kind {
                _ if joins => Role::Own,
                "Condition" | "Substance" => Role::Read,
                _ => Role::Named,
            };
            self.name(hash_of(name), role, resource);
        }
        for identifier in Identifier::read_all(json) {
            let token = identifier.token();
            if !joins {
                self.name(hash_of(&token), Role::Identified, resource);
                continue;
            }
            self.name(hash_of(&(kind, &token)), Role::OwnIdentifier, resource);
            if !identifier.kinds.contains(&"ACSN") || kind == "DiagnosticReport" {
                self.key(hash_of(&token), KeyKind::Identifier, resource);
            }
        }
        if kind == "Patient" {
            // A record that was merged into another one goes by its name too.
            for link in json.items_at("link") {
                if link.text_at("type") == Some("replaced-by")
                    && let Some(other) = link.get("other").map(Reference::read)
                    && let Some(literal) = literal_of(&other)
                {
                    self.name(hash_of(literal), Role::Named, resource);
                }
            }
        }
        if !joins {
            return;
        }
        for (field, kind) in [("subject", KeyKind::Subject), ("basedOn", KeyKind::Order)] {
            for reference in Reference::read_all(json, field) {
                if let Some(hash) = names_of(&reference).next() {
                    self.key(hash, kind, resource);
                }
            }
        }
        for part in std::iter::once(json).chain(json.items_at("contained")) {
            for (field, kind) in [
                ("specimen", "Specimen"),
                ("parent", "Specimen"),
                ("result", "Observation"),
                ("hasMember", "Observation"),
            ] {
                for reference in Reference::read_all(part, field) {
                    if let Some(literal) = literal_of(&reference) {
                        self.name(hash_of(literal), Role::Joins, resource);
                    } else if let Some(identifier) = &reference.identifier {
                        let hash = hash_of(&(kind, &identifier.token()));
                        self.name(hash, Role::Joins, resource);
                    }
                }
            }
        }
        for_each_reference(json, &mut |reference| {
            if let Some(literal) = literal_of(&reference) {
                self.name(hash_of(literal), Role::Mentions, resource);
            }
        });
    }

    fn name(&mut self, hash: u64, role: Role, resource: u32) {
        self.names.push(Name {
            hash,
            role,
            resource,
        });
    }

    fn key(&mut self, hash: u64, kind: KeyKind, resource: u32) {
        self.keys.push(SharedKey {
            hash,
            resource,
            kind,
        });
    }

    /// The groups; with `whole_patients`, everything of a patient is one. Of a patient of whom that was noted it is so where
    /// it is little enough to be read together.
    pub fn groups(self, whole_patients: bool) -> Groups {
        let Self {
            count,
            mut names,
            mut keys,
            whole,
        } = self;
        names.sort_unstable();
        let mut sets = Sets((0..count).collect());
        for same in names.chunk_by(|one, other| one.hash == other.hash) {
            let with = |roles: &[Role]| {
                let resources = same.iter().filter(|name| roles.contains(&name.role));
                resources.map(|name| name.resource).collect::<Vec<_>>()
            };
            sets.join(&with(&[Role::Read, Role::Named]));
            if (same.iter()).any(|name| matches!(name.role, Role::Own | Role::Joins)) {
                sets.join(&with(&[
                    Role::Own,
                    Role::Joins,
                    Role::Mentions,
                    Role::OwnIdentifier,
                ]));
            }
        }
        names.retain(|name| name.role <= Role::Identified);
        names.shrink_to_fit();
        let mut groups = Groups {
            members: Vec::new(),
            names,
            in_part: BTreeSet::new(),
        };
        let whole = match whole_patients {
            true => None,
            false => Some(whole),
        };
        let in_part = groups.join_within_patients(&mut sets, &mut keys, whole);
        groups.in_part = in_part
            .iter()
            .map(|resource| sets.first(*resource))
            .collect();
        drop(keys);
        groups.members = (0..count)
            .map(|resource| (sets.first(resource), resource))
            .collect();
        groups.members.sort_unstable();
        groups
    }
}

/// The groups of an input.
#[derive(Debug)]
pub struct Groups {
    /// The first resource of its group, and the resource; in this order.
    members: Vec<(u32, u32)>,
    /// Names of what is looked up.
    names: Vec<Name>,
    /// The first resources of groups that are part of what belongs together, where that is more than is joined.
    in_part: BTreeSet<u32>,
}

impl Groups {
    /// The numbers of the resources of each group, in the order of their first ones.
    pub fn iter(&self) -> impl Iterator<Item = impl ExactSizeIterator<Item = u32> + Clone> {
        let groups = self.members.chunk_by(|one, other| one.0 == other.0);
        groups.map(|group| group.iter().map(|(_, resource)| *resource))
    }

    /// How many groups there are.
    pub fn count(&self) -> usize {
        self.members.chunk_by(|one, other| one.0 == other.0).count()
    }

    /// The resources, apart from those that are joined, that something refers to; `None` where one of them is given in
    /// more versions than are searched.
    pub fn looked_up(&self, json: &Json<'_>) -> Option<BTreeSet<u32>> {
        let mut found = BTreeSet::new();
        let mut too_many = false;
        for_each_reference(json, &mut |reference| {
            for hash in names_of(&reference) {
                let read = |name: &&Name| name.role == Role::Read;
                let versions = self.named(hash).take_while(read);
                too_many |= versions.take(MOST_VERSIONS + 1).count() > MOST_VERSIONS;
                if too_many {
                    return;
                }
                let read = self.named(hash).take_while(read).take(MOST_VERSIONS);
                let named = self.named(hash).filter(|name| name.role != Role::Read);
                let all = read.chain(named.take(MOST_NAMED));
                found.extend(all.map(|name| name.resource));
            }
        });
        (!too_many).then_some(found)
    }

    fn named(&self, hash: u64) -> impl Iterator<Item = &Name> {
        let start = self.names.partition_point(|name| name.hash < hash);
        let from = self.names.get(start..).unwrap_or_default().iter();
        from.take_while(move |name| name.hash == hash)
    }

    /// Whether more belongs to the group of this first resource than is joined.
    pub fn is_part(&self, first: u32) -> bool {
        self.in_part.contains(&first)
    }

    /// Joins what is of one patient and shares a key, and everything of the patients of `whole`; of every one without that.
    /// Which resources are of a patient of whom there is too much.
    fn join_within_patients(
        &self,
        sets: &mut Sets,
        keys: &mut Vec<SharedKey>,
        whole: Option<Vec<u64>>,
    ) -> Vec<u32> {
        // However it is written, a reference to one Patient or order is one key.
        let mut one_key = |hash: u64| match self.named(hash).next() {
            Some(named) => u64::from(sets.first(named.resource)),
            None => hash,
        };
        for key in keys.iter_mut() {
            if key.kind != KeyKind::Identifier {
                key.hash = one_key(key.hash);
            }
        }
        let mut sizes: Option<BTreeMap<u64, usize>> =
            whole.map(|whole| whole.into_iter().map(|hash| (one_key(hash), 0)).collect());
        let mut subjects = vec![0; sets.0.len()];
        for key in keys.iter().filter(|key| key.kind == KeyKind::Subject) {
            let first = sets.first(key.resource);
            if let Some(subject) = subjects.get_mut(first as usize) {
                *subject = key.hash.max(*subject);
            }
        }
        let of_subject = |key: &&SharedKey| key.kind == KeyKind::Subject;
        if let Some(sizes) = &mut sizes {
            for key in keys.iter().filter(of_subject) {
                sizes.entry(key.hash).and_modify(|size| *size += 1);
            }
        }
        let size_of = |key: &SharedKey| sizes.as_ref().map(|sizes| sizes.get(&key.hash).copied());
        let in_part = (keys.iter().filter(of_subject))
            .filter(|key| matches!(size_of(key), Some(Some(size)) if size > MOST_FOR_ADVICE))
            .map(|key| key.resource)
            .collect();
        keys.retain(|key| {
            let is_joined = || match size_of(key) {
                None => true,
                Some(size) => size.is_some_and(|size| size <= MOST_FOR_ADVICE),
            };
            key.kind != KeyKind::Subject || is_joined()
        });
        for key in keys.iter_mut().filter(|key| key.kind != KeyKind::Subject) {
            let subject = subjects.get(sets.first(key.resource) as usize);
            key.hash = hash_of(&(key.hash, key.kind, subject));
        }
        keys.sort_unstable_by_key(|key| (key.hash, key.resource));
        for same in keys.chunk_by(|one, other| one.hash == other.hash) {
            let resources: Vec<u32> = same.iter().map(|key| key.resource).collect();
            sets.join(&resources);
        }
        in_part
    }
}

/// Disjoint sets of numbers; each number leads to a smaller one of its set, the smallest to itself.
struct Sets(Vec<u32>);

impl Sets {
    fn first(&mut self, number: u32) -> u32 {
        let mut number = number;
        loop {
            let next = self.next(number);
            if next == number {
                return number;
            }
            let after = self.next(next);
            if let Some(entry) = self.0.get_mut(number as usize) {
                *entry = after;
            }
            number = after;
        }
    }

    fn next(&self, number: u32) -> u32 {
        self.0.get(number as usize).copied().unwrap_or(number)
    }

    fn join(&mut self, numbers: &[u32]) {
        for two in numbers.windows(2) {
            if let [one, other] = *two {
                let (one, other) = (self.first(one), self.first(other));
                if let Some(entry) = self.0.get_mut(one.max(other) as usize) {
                    *entry = one.min(other);
                }
            }
        }
    }
}

/// Whether resources of this type are joined into groups, rather than looked up.
fn is_joined(kind: &str) -> bool {
    matches!(kind, "DiagnosticReport" | "Observation" | "Specimen")
}

/// The literal reference without version and fragment; none for one within its own resource.
fn literal_of<'r>(reference: &Reference<'r>) -> Option<&'r str> {
    let unversioned = reference.literal?.split("/_history/").next()?;
    unversioned
        .split('#')
        .next()
        .filter(|name| !name.is_empty())
}

/// Every name that a reference uses, the literal one first, for that decides.
fn names_of(reference: &Reference<'_>) -> impl Iterator<Item = u64> {
    let literal = literal_of(reference).map(hash_of);
    let token = reference.identifier.as_ref();
    literal
        .into_iter()
        .chain(token.map(|identifier| hash_of(&identifier.token())))
}

fn for_each_reference<'j>(json: &'j Json<'_>, act: &mut impl FnMut(Reference<'j>)) {
    match json {
        Json::Object(members) => {
            if members
                .iter()
                .any(|(key, _)| key == "reference" || key == "identifier")
            {
                act(Reference::read(json));
            }
            for (_, value) in members {
                for_each_reference(value, act);
            }
        }
        Json::List(items) => {
            for item in items {
                for_each_reference(item, act);
            }
        }
        _ => {}
    }
}

fn hash_of<T: Hash + ?Sized>(name: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The groups of some resources, each as the ids of its members.
    fn groups(resources: &[&str], whole_patients: bool) -> Vec<Vec<String>> {
        let parsed: Vec<Json<'_>> = resources
            .iter()
            .map(|text| Json::parse(text).unwrap())
            .collect();
        let mut look = FirstLook::default();
        for json in &parsed {
            look.note(json, None);
        }
        let id = |number: u32| parsed[number as usize].text_at("id").unwrap().to_owned();
        let groups = look.groups(whole_patients);
        groups.iter().map(|group| group.map(id).collect()).collect()
    }

    const P1: &str = r#""subject":{"reference":"Patient/p1"}"#;
    const P2: &str = r#""subject":{"reference":"Patient/p2"}"#;

    fn observation(id: &str, rest: &str) -> String {
        format!(r#"{{"resourceType":"Observation","id":"{id}",{rest}}}"#)
    }

    #[test]
    fn what_refers_to_each_other_or_to_one_specimen_is_a_group() {
        let on = |id| observation(id, r#""specimen":{"reference":"Specimen/s/_history/2"}"#);
        let by_identifier = |id| {
            let specimen = r#""specimen":{"identifier":{"system":"u","value":"S1"}}"#;
            observation(id, specimen)
        };
        let resources = [
            &on("on-a-specimen"),
            r#"{"resourceType":"DiagnosticReport","id":"r","result":[{"reference":"Observation/a"}]}"#,
            &on("on-the-same"),
            &observation("a", P1),
            &observation("alone", P1),
            &by_identifier("named"),
            r#"{"resourceType":"Specimen","id":"s1","identifier":[{"system":"u","value":"S1"}],"parent":[{"reference":"Specimen/part"}]}"#,
        ];
        let found = groups(&resources, false);
        let expected = [
            vec!["on-a-specimen", "on-the-same"],
            vec!["r", "a"],
            vec!["alone"],
            vec!["named", "s1"],
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_order_or_an_identifier_joins_within_one_patient_only() {
        let ordered = r#""basedOn":[{"reference":"ServiceRequest/1"}]"#;
        let identified = r#""identifier":[{"value":"N/A"}]"#;
        let resources = [
            observation("a", &format!("{ordered},{P1}")),
            observation("b", &format!("{ordered},{P2}")),
            observation("c", &format!("{ordered},{identified},{P1}")),
            observation("d", &format!("{identified},{P1}")),
            observation("e", &format!("{identified},{P2}")),
        ];
        let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
        let expected = [vec!["a", "c", "d"], vec!["b"], vec!["e"]];
        assert_eq!(groups(&resources, false), expected);
        let of_patients = [vec!["a", "c", "d"], vec!["b", "e"]];
        assert_eq!(groups(&resources, true), of_patients);
    }

    #[test]
    fn a_patient_of_whom_all_belongs_together_is_one_group_unless_that_is_too_much() {
        let of_two = |count: usize| {
            let texts: Vec<String> = (0..count)
                .map(|number| observation(&format!("a{number}"), P1))
                .chain([observation("b", P2), observation("c", P2)])
                .collect();
            let mut look = FirstLook::default();
            for text in &texts {
                look.note(&Json::parse(text).unwrap(), None);
            }
            look.note_whole_patient(&Json::parse(&texts[0]).unwrap());
            look.groups(false)
        };
        let together = of_two(3);
        assert_eq!(together.count(), 3);
        assert!(!together.is_part(0));
        let too_many = of_two(MOST_FOR_ADVICE + 1);
        assert_eq!(too_many.count(), MOST_FOR_ADVICE + 3);
        assert!(too_many.is_part(0) && too_many.is_part(1));
        assert!(!too_many.is_part(MOST_FOR_ADVICE as u32 + 1));
    }

    #[test]
    fn what_is_of_a_patient_and_of_the_record_it_was_merged_into_is_of_one_patient() {
        let ordered = r#""basedOn":[{"reference":"ServiceRequest/1"}]"#;
        let first = observation("first", &format!("{P1},{ordered}"));
        let second = observation("second", &format!("{P2},{ordered}"));
        let apart = groups(&[&first, &second], false);
        assert_eq!(apart, [vec!["first"], vec!["second"]]);
        let merged = r#"{"resourceType":"Patient","id":"p1","link":[{"type":"replaced-by","other":{"reference":"Patient/p2"}}]}"#;
        let together = groups(&[&first, &second, merged], false);
        assert_eq!(together, [vec!["first", "second"], vec!["p1"]]);
    }

    #[test]
    fn a_patient_and_a_condition_join_nothing_and_are_looked_up() {
        let focus = r#""focus":[{"reference":"Condition/c"}]"#;
        let resources = [
            r#"{"resourceType":"Patient","id":"p1"}"#.to_owned(),
            r#"{"resourceType":"Condition","id":"c"}"#.to_owned(),
            observation("a", &format!("{focus},{P1}")),
            observation("b", &format!("{focus},{P1}")),
        ];
        let mut look = FirstLook::default();
        for text in &resources {
            look.note(&Json::parse(text).unwrap(), None);
        }
        let groups = look.groups(false);
        assert_eq!(groups.count(), 4);
        let asking = Json::parse(&resources[2]).unwrap();
        assert_eq!(groups.looked_up(&asking), Some(BTreeSet::from([0, 1])));

        let mut look = FirstLook::default();
        for _ in 0..=MOST_VERSIONS {
            look.note(&Json::parse(&resources[1]).unwrap(), None);
        }
        assert_eq!(look.groups(false).looked_up(&asking), None);
    }
}
