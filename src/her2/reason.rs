//! Why a case ended as it did: facts inside, sentences only when printed.

use std::fmt;

use enumset::EnumSet;

use super::decision::{Category, Group, NextAction};
use super::evidence::{
    CountRole, Evidence, IhcFinding, IhcResult, IshResult, Origin, Score, Site, Source,
};
use super::guideline::Comment;

/// One step of the explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The groups that the numbers allow.
    Groups(EnumSet<Group>),
    /// The rule that decided.
    Rule {
        /// In a sentence.
        sentence: &'static str,
        /// Where it is written.
        source: &'static str,
    },
    /// The guideline's comment beside a negative result.
    Comment(Comment),
    /// Why a negative result is of this kind.
    Category(Category),
    /// The possibilities left end differently, and it depends on these measurements.
    Undecided {
        /// Such as "HER2 copies per cell".
        missing: &'static str,
    },
    /// Two statements cannot both be true, and the status depends on which is.
    Contradictory,
    /// Two statements cannot both be true, and the status is the same either way.
    ContradictoryButAgreed,
    /// The primary site is not known.
    SiteUnknown,
    /// Sources name different primary sites.
    SiteDisputed,
    /// No edition covers the site.
    SiteWithoutEdition(Site),
    /// IHC 3+ at a site that no edition covers.
    ThreePlusElsewhere,
    /// The tissue was not fixed in formalin, so every test of it failed.
    NotFixedInFormalin,
    /// The IHC leaves several scores open, such as a word does, and each of them ends the same.
    AnyPossibleScore,
    /// A further population in more than 10 % of the cells is positive by itself.
    AmplifiedPopulation,
    /// A further population in more than 10 % of the cells may end otherwise than the main one.
    OpenPopulation,
    /// ASCO/CAP 2013 asks for a new test on the excision.
    RepeatOnExcision,
    /// The patient view of specimens that differ.
    HighestOfSpecimens,
    /// The patient view of specimens that agree.
    SpecimensAgree,
    /// Something was sent that could not be read and may change the status.
    Unreadable,
    /// What to do next.
    Next(NextAction),
}

/// What was read, a sentence for each result.
pub fn read(evidence: &Evidence) -> impl Iterator<Item = String> + '_ {
    (evidence.ihc.iter().map(ihc_read)).chain(evidence.ish.iter().map(ish_read))
}

/// An immunohistochemistry result that was read.
pub fn ihc_read(result: &IhcResult) -> String {
    let finding = match result.finding {
        IhcFinding::Score(scores) => score_names(scores),
        IhcFinding::Stated(word) => format!("stated as {}, without a score", word.name()),
    };
    let percent = (result.percent.as_ref()).map_or(String::new(), |percent| {
        format!(", {percent} % of cells stained")
    });
    let read = read_from(result.origin, &result.source);
    format!("IHC {finding}{percent} ({read}).")
}

/// An in situ hybridisation result that was read.
pub fn ish_read(result: &IshResult) -> String {
    let mut values = Vec::new();
    if let Some(percent) = &result.population_percent {
        values.push(format!("a population of {percent} % of cells"));
    }
    if let Some(probe) = result.probe {
        values.push(format!("{}-probe", probe.name()));
    }
    for (name, value) in [
        ("HER2/CEP17 ratio", &result.ratio),
        ("HER2 copies per cell", &result.her2_copies),
        ("CEP17 copies per cell", &result.cep17_copies),
        ("cells counted", &result.cells),
    ] {
        if let Some(value) = value {
            values.push(format!("{name} {value}"));
        }
    }
    if let Some(word) = result.result {
        values.push(format!("stated as {}", word.name()));
    }
    if let Some(clusters) = result.clusters {
        let clusters = if clusters {
            "signals in clusters"
        } else {
            "no clusters of signals"
        };
        values.push(clusters.to_owned());
    }
    let role = match result.role {
        CountRole::Initial => "ISH",
        CountRole::Recount => "Blinded ISH recount",
        CountRole::Adjudicated => "Adjudicated ISH",
    };
    let read = read_from(result.origin, &result.source);
    format!("{role}: {} ({read}).", values.join(", "))
}

/// Where a result was read; that it stands in narrative is part of how sure it is.
fn read_from(origin: Origin, source: &Source) -> String {
    match origin {
        Origin::Coded | Origin::Text => source.to_string(),
        Origin::Narrative => format!("read from the narrative of {source}"),
    }
}

/// `1+` or `1+|2+`, as a decision record prints a score.
pub fn score_names(scores: EnumSet<Score>) -> String {
    scores.iter().map(Score::name).collect::<Vec<_>>().join("|")
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Groups(groups) => {
                let numbers: Vec<String> = groups
                    .iter()
                    .map(|group| group.number().to_string())
                    .collect();
                match numbers.as_slice() {
                    [group] => write!(formatter, "The count is dual-probe group {group}."),
                    groups => write!(
                        formatter,
                        "The numbers allow dual-probe groups {}.",
                        groups.join(", ")
                    ),
                }
            }
            Self::Rule { sentence, source } => write!(formatter, "{sentence} [{source}]"),
            Self::Comment(comment) => formatter.write_str(comment_text(*comment)),
            Self::Category(category) => formatter.write_str(category_text(*category)),
            Self::Undecided { missing } => write!(
                formatter,
                "What is known leaves more than one answer open: it depends on {missing}."
            ),
            Self::Contradictory => formatter.write_str(
                "Statements of this case cannot all be true, and the status depends on which of them are: none is given.",
            ),
            Self::ContradictoryButAgreed => formatter.write_str(
                "Statements of this case cannot all be true; the status is the same whichever of them are.",
            ),
            Self::SiteUnknown => formatter.write_str(
                "No source names the primary tumour's site, so no guideline can be chosen.",
            ),
            Self::SiteDisputed => formatter.write_str(
                "Sources name different primary sites, so no guideline can be chosen.",
            ),
            Self::SiteWithoutEdition(site) => write!(
                formatter,
                "{}: the findings are kept, no status is derived.",
                no_edition_text(*site)
            ),
            Self::ThreePlusElsewhere => formatter.write_str(
                "IHC 3+ is on record. It is no status here, and may matter for treatment that is approved for any solid tumour with IHC 3+ (FDA label of trastuzumab deruxtecan, April 2024; scored as in gastric cancer).",
            ),
            Self::NotFixedInFormalin => formatter.write_str(
                "The tissue was not fixed in formalin: its tests count as failed. [ASCO/CAP 2018, tissue handling; by convention under every edition]",
            ),
            Self::AnyPossibleScore => formatter.write_str(
                "The IHC leaves more than one score open, and each of them ends in this status. [convention of this adapter]",
            ),
            Self::AmplifiedPopulation => formatter.write_str(
                "A further population in more than 10 % of the tumour cells is amplified when judged by itself, which makes the case positive. [ASCO/CAP 2018, criteria of a valid count; the status by convention of this adapter, under every edition]",
            ),
            Self::OpenPopulation => formatter.write_str(
                "A further population that may be more than 10 % of the tumour cells does not end as the main one does. [ASCO/CAP 2018, criteria of a valid count; the status by convention of this adapter, under every edition]",
            ),
            Self::RepeatOnExcision => formatter.write_str(
                "The core biopsy of a grade 3 carcinoma is negative: a new test on the excision follows. [ASCO/CAP 2013, retesting]",
            ),
            Self::HighestOfSpecimens => formatter.write_str(
                "Specimens of this tumour differ: the view takes the highest status, and what is open before a negative. Each specimen keeps its own result. [SEER EOD 3.3, HER2 Overall Summary, note 3]",
            ),
            Self::SpecimensAgree => formatter.write_str(
                "Every specimen of this tumour has this status; each keeps its own result.",
            ),
            Self::Unreadable => formatter.write_str(
                "Something was sent about HER2 that could not be read, and it may change the status.",
            ),
            Self::Next(action) => formatter.write_str(action_text(*action)),
        }
    }
}

/// Why a site has no edition (HERACLES: Mod Pathol 2015, s1598; endometrial: CAP gynaecological biomarker template).
fn no_edition_text(site: Site) -> &'static str {
    match site {
        Site::Colorectal => {
            "The primary site is colorectal: its scoring schemes (HERACLES, and the one harmonised between Japan, SWOG and Korea) are incompatible, and no edition covers it"
        }
        Site::Endometrial => {
            "The primary site is the endometrium: serous carcinoma is scored by a trial's scheme of its own, and no edition covers it"
        }
        Site::Lung => "The primary site is the lung, which no edition covers",
        Site::Ovarian => "The primary site is the ovary, which no edition covers",
        Site::UnknownPrimary => "The primary is unknown after search, and no edition covers that",
        Site::Breast | Site::Gastroesophageal | Site::Other => {
            "The edition in force does not cover this primary site"
        }
    }
}

/// The guideline's mandated comments in our own words (ASCO/CAP 2018, Figures 4 to 6).
fn comment_text(comment: Comment) -> &'static str {
    match comment {
        Comment::Group2 => {
            "Comment: evidence of benefit from HER2-targeted therapy is limited with a ratio of 2.0 or more and fewer than 4.0 copies per cell; few such patients were in the first trials. Without IHC 3+ the result is negative because the copy number is low and the protein is not over-expressed."
        }
        Comment::Group3 => {
            "Comment: there is not enough evidence of efficacy with a ratio below 2.0 and no over-expression; with IHC 0 or 1+ the result is negative."
        }
        Comment::Group4 => {
            "Comment: benefit is uncertain with 4.0 to below 6.0 copies per cell and a ratio below 2.0 unless IHC is 3+. Near the ratio threshold a repeat may differ by chance alone. Without IHC 3+ the result is negative without further testing of the same specimen."
        }
    }
}

fn category_text(category: Category) -> &'static str {
    match category {
        Category::Low => {
            "Of the negative results this is HER2-low (IHC 1+, or 2+ without amplification)."
        }
        Category::Ultralow => {
            "Of the negative results this is HER2-ultralow (IHC 0 with staining in more than 0 and at most 10 % of cells)."
        }
        Category::Null => "Of the negative results this is HER2-null (IHC 0 without any staining).",
        Category::ZeroUnspecified => {
            "IHC 0 without a statement about faint staining: null and ultralow cannot be told apart."
        }
        Category::None => "The kind of negative result (low, ultralow, null) is not told.",
        Category::Positive | Category::Equivocal => "",
    }
}

fn action_text(action: NextAction) -> &'static str {
    match action {
        NextAction::None => "No further test is asked for.",
        NextAction::ReflexIsh => "Next: ISH on the same specimen.",
        NextAction::ConcurrentIhc => "Next: IHC on the same tissue.",
        NextAction::RecountIsh => {
            "Next: a recount of at least 20 cells, as the rule above asks for it."
        }
        NextAction::DualProbeIsh => "Next: dual-probe ISH.",
        NextAction::Adjudicate => "Next: the laboratory adjudicates the two counts.",
        NextAction::RepeatTest => "Next: repeat the test.",
        NextAction::ObtainData => {
            "Next: obtain the missing number or score; no new test is asked for."
        }
        NextAction::ReviewDiscordance => "Next: a person reviews what does not fit together.",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::her2::evidence::{IshWord, JoinedBy, Probe, SiteFinding, StatedResult};
    use crate::her2::number::Measure;

    fn measure(text: &str) -> Option<Measure> {
        Some(Measure::parse(text).unwrap())
    }

    #[test]
    fn every_number_and_word_that_was_read_is_told_with_its_resource() {
        let scored = IhcResult {
            percent: measure("12.50"),
            ..IhcResult::new(
                IhcFinding::Score(Score::OnePlus | Score::TwoPlus),
                Source::unversioned("Observation/ihc"),
            )
        };
        assert_eq!(
            ihc_read(&scored),
            "IHC 1+|2+, 12.50 % of cells stained (Observation/ihc)."
        );
        let stated = IhcResult {
            finding: IhcFinding::Stated(StatedResult::Negative),
            percent: None,
            ..scored.clone()
        };
        assert_eq!(
            ihc_read(&stated),
            "IHC stated as negative, without a score (Observation/ihc)."
        );
        let counted = IshResult {
            role: CountRole::Recount,
            probe: Some(Probe::Dual),
            ratio: measure("1.996"),
            her2_copies: measure("5.0"),
            cep17_copies: measure("2.5"),
            cells: measure("40"),
            result: Some(IshWord::NotAmplified),
            clusters: Some(true),
            population_percent: measure("30"),
            ..IshResult::new(Source::unversioned("Observation/ish"))
        };
        let told = ish_read(&counted);
        for part in [
            "Blinded ISH recount",
            "a population of 30 % of cells",
            "dual-probe",
            "HER2/CEP17 ratio 1.996",
            "HER2 copies per cell 5.0",
            "CEP17 copies per cell 2.5",
            "cells counted 40",
            "stated as not amplified",
            "signals in clusters",
            "(Observation/ish)",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let evidence = Evidence {
            ihc: vec![scored, stated],
            ish: vec![counted],
            ..Evidence::new(SiteFinding::Unknown, JoinedBy::Report)
        };
        assert_eq!(read(&evidence).count(), 3);
        assert_eq!(read(&evidence).last(), Some(told));
    }

    #[test]
    fn every_step_of_an_explanation_is_a_sentence_of_its_own() {
        let actions = [
            NextAction::None,
            NextAction::ReflexIsh,
            NextAction::ConcurrentIhc,
            NextAction::RecountIsh,
            NextAction::DualProbeIsh,
            NextAction::Adjudicate,
            NextAction::RepeatTest,
            NextAction::ObtainData,
            NextAction::ReviewDiscordance,
        ];
        let kinds = [
            Category::Low,
            Category::Ultralow,
            Category::Null,
            Category::ZeroUnspecified,
            Category::None,
        ];
        let sites = [
            Site::Colorectal,
            Site::Endometrial,
            Site::Lung,
            Site::Ovarian,
            Site::UnknownPrimary,
            Site::Other,
        ];
        let comments = [Comment::Group2, Comment::Group3, Comment::Group4];
        let mut told: Vec<String> = (actions.map(Reason::Next).into_iter())
            .chain(kinds.map(Reason::Category))
            .chain(sites.map(Reason::SiteWithoutEdition))
            .chain(comments.map(Reason::Comment))
            .map(|reason| reason.to_string())
            .collect();
        for sentence in &told {
            assert!(sentence.ends_with('.'), "{sentence}");
            assert!(sentence.split(' ').count() > 2, "{sentence}");
            let beginning = sentence.chars().next().unwrap();
            assert!(beginning.is_ascii_uppercase(), "{sentence}");
        }
        let all = told.len();
        told.sort();
        told.dedup();
        assert_eq!(told.len(), all);
        for site in sites {
            let sentence = Reason::SiteWithoutEdition(site).to_string();
            assert!(sentence.starts_with("The "), "{sentence}");
        }
    }

    #[test]
    fn one_group_is_told_as_it_is_and_several_as_what_the_numbers_allow() {
        assert_eq!(
            Reason::Groups(EnumSet::only(Group::Three)).to_string(),
            "The count is dual-probe group 3."
        );
        assert_eq!(
            Reason::Groups(Group::Three | Group::Five).to_string(),
            "The numbers allow dual-probe groups 3, 5."
        );
    }
}
