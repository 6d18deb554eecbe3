//! What one value says under one question.

use enumset::EnumSet;

use super::answers::said;
use super::numbers::number;
use super::{Piece, Unread};
use crate::fhir::elements::Value;
use crate::her2::evidence::{CountRole, IhcFinding, Origin, Score, StatedResult};
use crate::her2::number::Measure;
use crate::mapping::table::{Answer, Finding, Mapping};
use crate::mapping::words::Said;

/// What a value says; `None` for a question that asks nothing about HER2, or a flag that is off.
pub(super) fn piece_of(
    mapping: &Mapping,
    finding: Finding,
    value: &Value<'_>,
) -> Result<Option<Piece>, Unread> {
    let units = &mapping.units;
    let piece = match finding {
        Finding::IhcScore => score(mapping, value)?,
        Finding::OverallStatus => overall(mapping, value)?,
        Finding::IshResult | Finding::Panel => ish_word(mapping, value)?,
        Finding::IhcPercentStained => Piece::IhcPercent(number(value, &units.percent)?),
        Finding::IhcPercentIntense => Piece::IhcIntensePercent(number(value, &units.percent)?),
        Finding::IshRatio | Finding::IshHer2Copies | Finding::IshCep17Copies
            if mapping.words.is_no_number(value.text()) =>
        {
            Piece::NoResult
        }
        Finding::IshRatio => Piece::Ratio(match mapping.words.ratio_bound(value.text()) {
            Some(bound) => bound.clone(),
            None => number(value, &units.ratio)?,
        }),
        Finding::IshHer2Copies => Piece::Her2Copies(copies(mapping, value)?),
        Finding::IshCep17Copies => Piece::Cep17Copies(copies(mapping, value)?),
        Finding::IshCells => Piece::Cells(number(value, &units.cells)?),
        Finding::IshProbe => probe(mapping, value)?,
        Finding::IhcStainingPresent => Piece::IhcStaining(flag(value)?),
        Finding::IshRecount => return role_if(flag(value)?, CountRole::Recount),
        Finding::IshAdjudicated => return role_if(flag(value)?, CountRole::Adjudicated),
        Finding::IshPopulationPercent => Piece::Population(number(value, &units.percent)?),
        Finding::IshCluster => Piece::Clusters(flag(value)?),
        Finding::Context
        | Finding::GeneStudied
        | Finding::GenericIhc
        | Finding::GenericIsh
        | Finding::PreviousSpecimen
        | Finding::Narrative
        | Finding::SerumHer2
        | Finding::TissueImmunoassay
        | Finding::GeneExpression
        | Finding::Sequencing
        | Finding::FixationHours
        | Finding::ColdIschemiaMinutes
        | Finding::Decalcified
        | Finding::HistologicGrade
        | Finding::Fixative
        | Finding::OtherMarker => return Ok(None),
    };
    Ok(Some(piece))
}

/// A score, or the word in its place.
fn score(mapping: &Mapping, value: &Value<'_>) -> Result<Piece, Unread> {
    if let Value::Quantity(_) | Value::Integer(_) = value {
        let digits = number(value, &mapping.units.score)?;
        return match mapping.words.read(digits.written()) {
            Some(Said::Answer(answer)) => answer.score(),
            Some(Said::Scores(_)) | None => None,
        }
        .map(|score| one_score(score, Origin::Coded))
        .ok_or_else(|| "its number is no score".to_owned());
    }
    let (said, origin) = said(mapping, Finding::IhcScore, value)?;
    match said {
        Said::Scores(scores) => Ok(Piece::Ihc(IhcFinding::Score(scores), origin)),
        Said::Answer(Answer::NoResult) => Ok(Piece::NoResult),
        Said::Answer(answer) => match (answer.score(), answer.stated()) {
            (Some(score), _) => Ok(one_score(score, origin)),
            // A stain stated as equivocal is 2+.
            (None, Some(StatedResult::Equivocal)) => Ok(one_score(Score::TwoPlus, origin)),
            (None, Some(word)) => Ok(Piece::Ihc(IhcFinding::Stated(word), origin)),
            (None, None) => Err("its answer is no score".to_owned()),
        },
    }
}

/// The sender's status; scores that arrive under it are immunohistochemistry.
fn overall(mapping: &Mapping, value: &Value<'_>) -> Result<Piece, Unread> {
    let (said, origin) = said(mapping, Finding::OverallStatus, value)?;
    match said {
        Said::Scores(scores) => Ok(Piece::Ihc(IhcFinding::Score(scores), origin)),
        Said::Answer(Answer::NoResult) => Ok(Piece::NoResult),
        Said::Answer(answer) => match (answer.score(), answer.stated()) {
            (Some(score), _) => Ok(one_score(score, origin)),
            (None, Some(word)) => Ok(Piece::Overall(word)),
            (None, None) => Err("its answer is no status".to_owned()),
        },
    }
}

fn one_score(score: Score, origin: Origin) -> Piece {
    Piece::Ihc(IhcFinding::Score(EnumSet::only(score)), origin)
}

fn ish_word(mapping: &Mapping, value: &Value<'_>) -> Result<Piece, Unread> {
    let (said, origin) = said(mapping, Finding::IshResult, value)?;
    match said {
        Said::Answer(Answer::NoResult) => Some(Piece::NoResult),
        Said::Answer(answer) => answer.ish_word().map(|word| Piece::IshWord(word, origin)),
        Said::Scores(_) => None,
    }
    .ok_or_else(|| "its answer is no result of in situ hybridisation".to_owned())
}

fn copies(mapping: &Mapping, value: &Value<'_>) -> Result<Measure, Unread> {
    match mapping.words.copies_bound(value.text()) {
        Some(bound) => Ok(bound.clone()),
        None => number(value, &mapping.units.copies),
    }
}

fn probe(mapping: &Mapping, value: &Value<'_>) -> Result<Piece, Unread> {
    match said(mapping, Finding::IshProbe, value)? {
        (Said::Answer(answer), _) => answer.probe(),
        (Said::Scores(_), _) => None,
    }
    .map(Piece::Probe)
    .ok_or_else(|| "its answer is no kind of probe".to_owned())
}

fn flag(value: &Value<'_>) -> Result<bool, Unread> {
    match value {
        Value::Boolean(value) => Ok(*value),
        _ => Err("its value is no boolean".to_owned()),
    }
}

fn role_if(is_so: bool, role: CountRole) -> Result<Option<Piece>, Unread> {
    Ok(is_so.then_some(Piece::Role(role)))
}

/// Whether a score's value is a word that states nothing.
pub(super) fn states_nothing(mapping: &Mapping, value: &Value<'_>) -> bool {
    matches!(
        said(mapping, Finding::IhcScore, value),
        Ok((Said::Answer(Answer::NoStatement), _))
    )
}

/// Whether a status is negative in a way that rules out HER2-low.
pub(super) fn excludes_low(mapping: &Mapping, value: &Value<'_>) -> bool {
    matches!(
        said(mapping, Finding::OverallStatus, value),
        Ok((Said::Answer(Answer::NegativeNotLow), _))
    )
}

/// Whether a score is written as "0+".
pub(super) fn is_stained_zero(mapping: &Mapping, value: &Value<'_>) -> bool {
    matches!(
        said(mapping, Finding::IhcScore, value),
        Ok((Said::Answer(Answer::Score0Stained), _))
    )
}
