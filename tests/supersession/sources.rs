//! What the laboratory has of one patient: an IHC result, perhaps an ISH result beside it, and the report of both.

use serde_json::{Value, json};

const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";

/// Something that the laboratory does with a resource.
#[derive(Clone, Debug)]
pub enum Change {
    Put(Value),
    /// `Type/id`.
    Delete(String),
}

/// A result of a test.
#[derive(Clone, Debug)]
pub struct TestResult {
    pub status: &'static str,
    /// The LOINC answer.
    pub answer: &'static str,
    pub specimen: &'static str,
    pub is_deleted: bool,
}

impl TestResult {
    pub fn of(answer: &'static str) -> Self {
        Self {
            status: "final",
            answer,
            specimen: "s",
            is_deleted: false,
        }
    }
}

/// What the sources come to for one case, by their own statuses alone (contract, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    Counts,
    /// There is none that counts.
    None,
    /// A report names a result that nobody can find.
    Missing,
}

/// Everything there is of a scene. Ids are the scene's name with a short one behind it.
#[derive(Clone, Debug)]
pub struct Sources {
    pub name: String,
    /// Whose the evidence is: `p`, or `q`.
    pub patient: &'static str,
    /// Whether `p` was replaced by `q`.
    pub is_merged: bool,
    pub ihc: Option<TestResult>,
    pub ish: Option<TestResult>,
    pub report_status: &'static str,
    pub conclusion: Option<&'static str>,
    pub report_is_deleted: bool,
}

impl Sources {
    /// A signed report of one result of one specimen.
    pub fn with_ihc(name: &str, answer: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            patient: "p",
            is_merged: false,
            ihc: Some(TestResult::of(answer)),
            ish: None,
            report_status: "final",
            conclusion: None,
            report_is_deleted: false,
        }
    }

    pub fn key(&self, kind: &str, of: &str) -> String {
        format!("{kind}/{}-{of}", self.name)
    }

    /// What the laboratory does so that these sources stand where there was nothing.
    pub fn sent(&self) -> Vec<Change> {
        let mut changes: Vec<Change> = (self.people().into_iter()).map(Change::Put).collect();
        changes.extend(self.specimens().into_iter().map(Change::Put));
        changes.extend(self.results().into_iter().map(Change::Put));
        changes
    }

    /// What it does so that these stand where `earlier` ones did. Where nothing differs, it sends the result, or else the
    /// report, once more.
    pub fn sent_after(&self, earlier: &Self) -> Vec<Change> {
        let all = |it: &Self| [it.people(), it.specimens(), it.results()].concat();
        let [before, now] = [all(earlier), all(self)];
        let stood = |resource: &Value| before.contains(resource);
        let mut changes: Vec<Change> = (now.iter())
            .filter(|resource| !stood(resource))
            .cloned()
            .map(Change::Put)
            .collect();
        for gone in before.iter().rev() {
            if !now.iter().any(|resource| same_key(resource, gone)) {
                changes.push(Change::Delete(key_of(gone)));
            }
        }
        if changes.is_empty() {
            changes.extend(self.results().into_iter().take(1).map(Change::Put));
        }
        changes
    }

    /// What the IHC result comes to for the case of a patient and a specimen.
    pub fn evidence_at(&self, patient: &str, specimen: &str) -> Evidence {
        let is_merged_away = self.is_merged && self.patient == "p";
        let own = if is_merged_away { "q" } else { self.patient };
        let at = self.ihc.as_ref().map_or("s", |ihc| ihc.specimen);
        if (own, at) != (patient, specimen) {
            return Evidence::None;
        }
        let report = (!self.report_is_deleted).then_some(self.report_status);
        let is_taken_back = matches!(report, Some("cancelled" | "entered-in-error"));
        let counts = match &self.ihc {
            Some(ihc) if ihc.is_deleted => {
                let is_named = report.is_some() && !is_taken_back;
                return if is_named {
                    Evidence::Missing
                } else {
                    Evidence::None
                };
            }
            Some(ihc) => ["final", "amended", "corrected"].contains(&ihc.status) && !is_taken_back,
            None => matches!(report, Some("final" | "amended" | "corrected" | "appended")),
        };
        if counts {
            Evidence::Counts
        } else {
            Evidence::None
        }
    }

    /// Two patients, of whom the second has nothing yet in most scenes.
    fn people(&self) -> Vec<Value> {
        let patient = |of: &str| {
            json!({"resourceType": "Patient", "id": self.id(of), "gender": "female",
                "identifier": [{"system": "https://hospital.example/mrn", "value": self.id(of)}]})
        };
        let (mut p, q) = (patient("p"), patient("q"));
        if self.is_merged {
            p["active"] = json!(false);
            p["link"] = json!([{"type": "replaced-by", "other": self.to("Patient", "q")}]);
        }
        vec![q, p]
    }

    /// Two specimens, of which the second has no results in most scenes.
    fn specimens(&self) -> Vec<Value> {
        let specimen = |of: &str| {
            json!({"resourceType": "Specimen", "id": self.id(of), "status": "available",
                "type": {"coding": [{"system": SNOMED, "code": "119376003"}]},
                "subject": self.to("Patient", self.patient),
                "collection": {"collectedDateTime": "2026-03-02T10:15:00Z",
                    "bodySite": {"coding": [{"system": SNOMED, "code": "76752008"}]}}})
        };
        vec![specimen("s"), specimen("t")]
    }

    /// The results, and the report that names them.
    fn results(&self) -> Vec<Value> {
        let mut resources = Vec::new();
        let mut named = Vec::new();
        for (of, code, result) in [("ihc", "85319-2", &self.ihc), ("ish", "85318-4", &self.ish)] {
            let Some(result) = result else { continue };
            named.push(self.to("Observation", of));
            if !result.is_deleted {
                resources.push(json!({"resourceType": "Observation", "id": self.id(of),
                    "status": result.status,
                    "code": {"coding": [{"system": LOINC, "code": code}]},
                    "subject": self.to("Patient", self.patient),
                    "specimen": self.to("Specimen", result.specimen),
                    "effectiveDateTime": "2026-03-02T10:15:00Z",
                    "valueCodeableConcept": {"coding": [{"system": LOINC, "code": result.answer}]}}));
            }
        }
        if self.report_is_deleted {
            return resources;
        }
        let mut report = json!({"resourceType": "DiagnosticReport", "id": self.id("rep"),
            "status": self.report_status,
            "code": {"coding": [{"system": LOINC, "code": "60568-3"}]},
            "subject": self.to("Patient", self.patient),
            "specimen": [self.to("Specimen", "s")],
            "effectiveDateTime": "2026-03-02T10:15:00Z", "issued": "2026-03-05T16:00:00.000Z"});
        if !named.is_empty() {
            report["result"] = Value::Array(named);
        }
        if let Some(conclusion) = self.conclusion {
            report["conclusion"] = json!(conclusion);
        }
        resources.push(report);
        resources
    }

    fn id(&self, of: &str) -> String {
        format!("{}-{of}", self.name)
    }

    fn to(&self, kind: &str, of: &str) -> Value {
        json!({"reference": self.key(kind, of)})
    }
}

fn key_of(resource: &Value) -> String {
    let text = |key: &str| resource[key].as_str().unwrap();
    format!("{}/{}", text("resourceType"), text("id"))
}

fn same_key(one: &Value, other: &Value) -> bool {
    key_of(one) == key_of(other)
}
