//! The decision record: everything a person needs to check one case, as JSON.

use serde::Serialize;
use serde_json::Value;

use super::CaseResult;
use crate::her2::evidence::{
    Fixative, Handling, Histology, IhcFinding, IhcResult, IshResult, Origin, Passage, Sample,
    Source,
};
use crate::her2::number::Measure;
use crate::her2::reason::score_names;

/// One case with its decision, evidence and reasons.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionRecord {
    case: String,
    subject: Option<String>,
    specimen: Option<String>,
    joined_by: &'static str,
    site: Option<&'static str>,
    guideline: &'static str,
    status: &'static str,
    category: &'static str,
    ish_group: Option<u8>,
    recount_group: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adjudicated_group: Option<u8>,
    next_action: &'static str,
    rule: String,
    reasons: Vec<String>,
    review: Vec<Item>,
    warnings: Vec<Remark>,
    evidence: EvidenceRecord,
    reported_status: Vec<Reported>,
    related: Vec<RelatedRecord>,
    excluded: Vec<ExcludedRecord>,
}

#[derive(Clone, Debug, Serialize)]
struct Item {
    code: &'static str,
    detail: String,
    source: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Remark {
    code: &'static str,
    detail: String,
}

#[derive(Clone, Debug, Serialize)]
struct EvidenceRecord {
    ihc: Vec<IhcRecord>,
    ish: Vec<IshRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handling: Option<HandlingRecord>,
}

/// What is known of the tissue itself.
#[derive(Clone, Debug, Serialize)]
struct HandlingRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixative: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixation_hours: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cold_ischemia_minutes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decalcified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    histology: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grade: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metastasis: Option<bool>,
}

#[derive(Clone, Debug, Serialize)]
struct IhcRecord {
    score: Option<String>,
    percent: Option<String>,
    interpretation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intense_percent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    staining_present: Option<bool>,
    origin: &'static str,
    #[serde(flatten)]
    span: Option<SpanRecord>,
    source: String,
    version: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct IshRecord {
    probe: Option<&'static str>,
    ratio: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    derived_ratio: Option<String>,
    her2_copies: Option<String>,
    cep17_copies: Option<String>,
    cells: Option<String>,
    result: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clusters: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    population_percent: Option<String>,
    recount: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    adjudicated: bool,
    origin: &'static str,
    #[serde(flatten)]
    span: Option<SpanRecord>,
    source: String,
    version: Option<String>,
}

/// The words of a narrative that were read, and where they stand.
#[derive(Clone, Debug, Serialize)]
struct SpanRecord {
    span: String,
    span_at: String,
}

impl SpanRecord {
    fn of(passages: &[Passage]) -> Option<Self> {
        let texts: Vec<&str> = passages
            .iter()
            .map(|passage| passage.text.as_str())
            .collect();
        let places: Vec<String> = (passages.iter())
            .map(|passage| format!("{}:{}-{}", passage.path, passage.start, passage.end))
            .collect();
        (!passages.is_empty()).then(|| Self {
            span: texts.join(" … "),
            span_at: places.join(", "),
        })
    }
}

#[derive(Clone, Debug, Serialize)]
struct Reported {
    value: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'static str>,
    #[serde(flatten)]
    span: Option<SpanRecord>,
    source: String,
}

#[derive(Clone, Debug, Serialize)]
struct RelatedRecord {
    case: String,
    why: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct ExcludedRecord {
    source: String,
    why: String,
}

impl DecisionRecord {
    /// The record of a decided case.
    pub fn of(case: &CaseResult) -> Self {
        let decision = &case.decision;
        let evidence = &case.evidence;
        Self {
            case: case.id.clone(),
            subject: case.subject.clone(),
            specimen: case.tissue.clone(),
            joined_by: evidence.joined_by.name(),
            site: match evidence.site {
                crate::her2::evidence::SiteFinding::Known(site) => Some(site.name()),
                _ => None,
            },
            guideline: case.edition.id(),
            status: decision.status.name(),
            category: decision.category.name(),
            ish_group: decision.ish_group.map(crate::her2::decision::Group::number),
            recount_group: decision
                .recount_group
                .map(crate::her2::decision::Group::number),
            adjudicated_group: decision
                .adjudicated_group
                .map(crate::her2::decision::Group::number),
            next_action: decision.next_action.name(),
            rule: decision.rule.to_string(),
            reasons: case.sentences(),
            review: (decision.review.iter())
                .map(|item| Item {
                    code: item.code.name(),
                    detail: item.detail.clone().into_owned(),
                    source: item.source.as_ref().map(|source| source.reference.clone()),
                })
                .collect(),
            warnings: (decision.warnings.iter())
                .map(|remark| Remark {
                    code: remark.code.name(),
                    detail: remark.detail.clone().into_owned(),
                })
                .collect(),
            evidence: EvidenceRecord {
                ihc: evidence.ihc.iter().map(IhcRecord::of).collect(),
                ish: evidence.ish.iter().map(IshRecord::of).collect(),
                handling: HandlingRecord::of(&evidence.handling),
            },
            reported_status: (evidence.reported.iter())
                .map(|status| Reported {
                    value: status.value.name(),
                    origin: status.passage.as_ref().map(|_| Origin::Narrative.name()),
                    span: status
                        .passage
                        .as_ref()
                        .and_then(|passage| SpanRecord::of(std::slice::from_ref(passage))),
                    source: status.source.reference.clone(),
                })
                .collect(),
            related: (case.related.iter())
                .map(|related| RelatedRecord {
                    case: related.case.clone(),
                    why: related.why,
                })
                .collect(),
            excluded: (case.excluded.iter())
                .map(|excluded| ExcludedRecord {
                    source: excluded.source.reference.clone(),
                    why: excluded.why.clone(),
                })
                .collect(),
        }
    }

    /// The record without the versions of its sources, where in a narrative words stand, and wording: what is the same here
    /// is the same evidence and the same decision.
    ///
    /// # Errors
    /// As of [`DecisionRecord::to_json`].
    pub(super) fn essence(&self) -> Result<String, serde_json::Error> {
        let mut record = serde_json::to_value(self)?;
        let listed = |value: Option<&mut Value>, keys: &[&str]| {
            let items = value.and_then(Value::as_array_mut);
            for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
                item.retain(|key, _| !keys.contains(&key.as_str()));
            }
        };
        for kind in ["/evidence/ihc", "/evidence/ish"] {
            listed(record.pointer_mut(kind), &["version", "span_at"]);
        }
        listed(record.get_mut("reported_status"), &["span_at"]);
        listed(record.get_mut("review"), &["detail"]);
        listed(record.get_mut("warnings"), &["detail"]);
        if let Some(record) = record.as_object_mut() {
            record.remove("reasons");
        }
        Ok(record.to_string())
    }

    /// The record as one line of JSON.
    ///
    /// # Errors
    /// When the record cannot be printed, which would be a fault of this program.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

impl HandlingRecord {
    /// Nothing where nothing is known.
    fn of(handling: &Handling) -> Option<Self> {
        let text = |measure: &Option<Measure>| measure.as_ref().map(ToString::to_string);
        (*handling != Handling::default()).then(|| Self {
            sample: handling.sample.map(Sample::name),
            fixative: handling.fixative.map(Fixative::name),
            fixation_hours: text(&handling.fixation_hours),
            cold_ischemia_minutes: text(&handling.cold_ischemia_minutes),
            decalcified: handling.decalcified,
            histology: handling.histology.map(Histology::name),
            grade: handling.grade,
            metastasis: handling.of_metastasis.then_some(true),
        })
    }
}

impl IhcRecord {
    fn of(result: &IhcResult) -> Self {
        let Source { reference, version } = result.source.clone();
        let (score, word) = match result.finding {
            IhcFinding::Score(scores) => (Some(score_names(scores)), None),
            IhcFinding::Stated(word) => (None, Some(word)),
        };
        Self {
            score,
            percent: result.percent.as_ref().map(ToString::to_string),
            interpretation: word.or(result.interpretation).map(|word| word.name()),
            intense_percent: result.intense_percent.as_ref().map(ToString::to_string),
            staining_present: result.staining_present,
            origin: result.origin.name(),
            span: SpanRecord::of(&result.passages),
            source: reference,
            version,
        }
    }
}

impl IshRecord {
    fn of(result: &IshResult) -> Self {
        use crate::her2::evidence::CountRole;
        let Source { reference, version } = result.source.clone();
        let text = |measure: &Option<Measure>| measure.as_ref().map(ToString::to_string);
        Self {
            probe: result.probe.map(crate::her2::evidence::Probe::name),
            ratio: text(&result.ratio),
            derived_ratio: result.derived_ratio(),
            her2_copies: text(&result.her2_copies),
            cep17_copies: text(&result.cep17_copies),
            cells: text(&result.cells),
            result: result.result.map(crate::her2::evidence::IshWord::name),
            clusters: result.clusters,
            population_percent: text(&result.population_percent),
            recount: result.role == CountRole::Recount,
            adjudicated: result.role == CountRole::Adjudicated,
            origin: result.origin.name(),
            span: SpanRecord::of(&result.passages),
            source: reference,
            version,
        }
    }
}
