//! What the laboratory sends: for each patient one report, an IHC score and perhaps an ISH result, on one of two specimens;
//! and orders of that ISH. A patient may be merged into another record, which has nothing of its own.

use her2_adapter::service::client::{ClientError, FhirClient};
use her2_adapter::service::fake_server::FakeServer;
use serde_json::{Value, json};

const SCORES: [(&str, &str); 4] = [
    ("LA6111-4", "0"),
    ("LA11841-6", "1+"),
    ("LA11842-4", "2+"),
    ("LA11843-2", "3+"),
];

/// When everything was reported: on the day on which histories begin.
const REPORTED: &str = "2027-01-15T08:00:00Z";

/// What there is of one patient.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    patient: usize,
    score: Option<usize>,
    amplified: Option<bool>,
    /// Everything was entered in error.
    retracted: bool,
    /// Nothing stands any more, and no search tells a writer of it.
    deleted: bool,
    /// Something was deleted once, or merged, so that the evidence may have become what it was before.
    pub has_lost: bool,
    /// Its results name the second specimen of the patient.
    is_moved: bool,
    /// The patient is merged into another record.
    is_merged: bool,
}

impl Sources {
    /// Puts a patient and a specimen there.
    pub fn begin(server: &FakeServer, patient: usize) -> Sources {
        let person = |id: String| json!({"resourceType": "Patient", "id": id, "gender": "female"});
        put(server, &person(format!("p{patient}")));
        put(server, &person(format!("q{patient}")));
        for specimen in ["s", "t"] {
            put(
                server,
                &json!({"resourceType": "Specimen", "id": format!("{specimen}{patient}"), "status": "available",
                    "type": {"coding": [{"system": "http://snomed.info/sct", "code": "119376003"}]},
                    "subject": {"reference": format!("Patient/p{patient}")},
                    "collection": {"bodySite": {"coding": [
                        {"system": "http://snomed.info/sct", "code": "76752008"}]}}}),
            );
        }
        Sources {
            patient,
            ..Sources::default()
        }
    }

    /// Sends a score, and the report if it does not stand as it should.
    pub fn send_score(&mut self, server: &FakeServer, score: usize) {
        let report_stands = self.score.is_some() && self.stands();
        self.revive();
        self.score = Some(score);
        self.put_score(server, score);
        if !report_stands {
            self.put_report(server);
        }
    }

    /// Sends an ISH result, and the report if it does not stand as it should.
    pub fn send_ish(&mut self, server: &FakeServer, amplified: bool) {
        let report_stands = self.amplified.is_some() && self.stands();
        self.revive();
        self.amplified = Some(amplified);
        self.put_ish(server, amplified);
        if !report_stands {
            self.put_report(server);
        }
    }

    /// Sends everything anew, of the other specimen of the patient.
    pub fn move_to_other_specimen(&mut self, server: &FakeServer) {
        if !self.stands() || (self.score.is_none() && self.amplified.is_none()) {
            return;
        }
        self.is_moved = !self.is_moved;
        if let Some(score) = self.score {
            self.put_score(server, score);
        }
        if let Some(amplified) = self.amplified {
            self.put_ish(server, amplified);
        }
        self.put_report(server);
    }

    /// Merges the patient into another record, or takes that back.
    pub fn merge(&mut self, server: &FakeServer, merged: bool) {
        if self.is_merged == merged {
            return;
        }
        self.is_merged = merged;
        self.has_lost = true;
        let mut patient = json!({"resourceType": "Patient", "id": format!("p{}", self.patient),
            "gender": "female"});
        if merged {
            patient["link"] = json!([{"type": "replaced-by",
                "other": {"reference": format!("Patient/q{}", self.patient)}}]);
        }
        put(server, &patient);
    }

    /// Orders the ISH, or cancels that.
    pub fn order(&mut self, server: &FakeServer, status: &str) {
        put(
            server,
            &json!({"resourceType": "ServiceRequest", "id": self.id("order"), "status": status,
                "intent": "order",
                "code": {"coding": [{"system": "http://loinc.org", "code": "85318-4"}]},
                "subject": {"reference": format!("Patient/p{}", self.patient)},
                "specimen": [{"reference": self.specimen()}]}),
        );
    }

    fn put_score(&self, server: &FakeServer, score: usize) {
        let (code, display) = SCORES[score];
        let answer = json!({"coding": [
            {"system": "http://loinc.org", "code": code, "display": display}], "text": display});
        self.put_observation(server, "ihc", "85319-2", answer);
    }

    fn put_ish(&self, server: &FakeServer, amplified: bool) {
        let (code, display) = match amplified {
            true => ("LA6576-8", "Positive"),
            false => ("LA6577-6", "Negative"),
        };
        let answer = json!({"coding": [
            {"system": "http://loinc.org", "code": code, "display": display}], "text": display});
        self.put_observation(server, "ish", "85318-4", answer);
    }

    fn specimen(&self) -> String {
        let specimen = if self.is_moved { "t" } else { "s" };
        format!("Specimen/{specimen}{}", self.patient)
    }

    /// Says that everything was entered in error.
    pub fn retract(&mut self, server: &FakeServer) {
        if self.deleted || (self.score.is_none() && self.amplified.is_none()) {
            return;
        }
        self.retracted = true;
        if let Some(score) = self.score {
            let (code, display) = SCORES[score];
            let answer = json!({"coding": [
                {"system": "http://loinc.org", "code": code, "display": display}]});
            self.put_observation(server, "ihc", "85319-2", answer);
        }
        if self.amplified.is_some() {
            let answer = json!({"text": "withdrawn"});
            self.put_observation(server, "ish", "85318-4", answer);
        }
        self.put_report(server);
    }

    /// Deletes the score; the report no longer names it.
    pub async fn drop_score(
        &mut self,
        server: &FakeServer,
        laboratory: &FhirClient,
    ) -> Result<(), ClientError> {
        if self.deleted || self.score.take().is_none() {
            return Ok(());
        }
        laboratory.delete("Observation", &self.id("ihc")).await?;
        self.has_lost = true;
        self.put_report(server);
        Ok(())
    }

    /// Deletes everything but patient and specimen.
    pub async fn delete(&mut self, laboratory: &FhirClient) -> Result<(), ClientError> {
        for (kind, id) in [
            ("DiagnosticReport", self.id("report")),
            ("Observation", self.id("ihc")),
            ("Observation", self.id("ish")),
        ] {
            laboratory.delete(kind, &id).await?;
        }
        *self = Sources {
            patient: self.patient,
            deleted: true,
            has_lost: true,
            is_moved: self.is_moved,
            is_merged: self.is_merged,
            ..Sources::default()
        };
        Ok(())
    }

    fn stands(&self) -> bool {
        !self.retracted && !self.deleted
    }

    /// What was retracted stays so; what is sent from now on counts.
    fn revive(&mut self) {
        if self.retracted {
            (self.score, self.amplified) = (None, None);
        }
        self.retracted = false;
        self.deleted = false;
    }

    fn id(&self, of: &str) -> String {
        format!("{of}-{}", self.patient)
    }

    fn put_observation(&self, server: &FakeServer, of: &str, code: &str, answer: Value) {
        put(
            server,
            &json!({"resourceType": "Observation", "id": self.id(of), "status": self.status(),
                "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                "subject": {"reference": format!("Patient/p{}", self.patient)},
                "specimen": {"reference": self.specimen()},
                "issued": REPORTED,
                "valueCodeableConcept": answer}),
        );
    }

    fn put_report(&self, server: &FakeServer) {
        let ihc = (self.score.is_some()).then(|| self.id("ihc"));
        let ish = (self.amplified.is_some()).then(|| self.id("ish"));
        let results: Vec<Value> = (ihc.into_iter().chain(ish))
            .map(|id| json!({"reference": format!("Observation/{id}")}))
            .collect();
        let mut report = json!({"resourceType": "DiagnosticReport", "id": self.id("report"),
            "status": self.status(),
            "code": {"coding": [{"system": "http://loinc.org", "code": "60568-3"}]},
            "subject": {"reference": format!("Patient/p{}", self.patient)},
            "specimen": [{"reference": self.specimen()}]});
        if !results.is_empty() {
            report["result"] = Value::Array(results);
        }
        put(server, &report);
    }

    fn status(&self) -> &'static str {
        match self.retracted {
            true => "entered-in-error",
            false => "final",
        }
    }
}

fn put(server: &FakeServer, resource: &Value) {
    server.put_json(&resource.to_string()).unwrap();
}
