//! Why a case ended as it did: facts inside, sentences only when printed.

use std::fmt;

use enumset::EnumSet;

use super::asco_cap_2018::Comment;
use super::decision::{Category, Group, NextAction};
use super::evidence::{CountRole, IhcFinding, IhcResult, IshResult, Score, Site};

/// One step of the explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// An immunohistochemistry result that was read.
    Ihc {
        /// The score or word.
        finding: String,
        /// The stained percentage, as written.
        percent: Option<String>,
        /// Where it was read.
        source: String,
    },
    /// An in situ hybridisation result that was read.
    Ish {
        /// Which count.
        role: CountRole,
        /// Its numbers and words, as written.
        values: String,
        /// Where it was read.
        source: String,
    },
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
    /// The possibilities left end differently; these measurements would decide.
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
    /// Something was sent that could not be read and may change the status.
    Unreadable,
    /// What to do next.
    Next(NextAction),
}

impl Reason {
    /// The reason that a result was read.
    pub fn from_ihc(result: &IhcResult) -> Self {
        Self::Ihc {
            finding: match result.finding {
                IhcFinding::Score(scores) => score_names(scores),
                IhcFinding::Stated(word) => format!("stated as {}, without a score", word.name()),
            },
            percent: result.percent.as_ref().map(ToString::to_string),
            source: result.source.reference.clone(),
        }
    }

    /// The reason that a result was read.
    pub fn from_ish(result: &IshResult) -> Self {
        let mut values = Vec::new();
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
        Self::Ish {
            role: result.role,
            values: values.join(", "),
            source: result.source.reference.clone(),
        }
    }
}

/// `1+` or `1+|2+`, as a decision record prints a score.
pub fn score_names(scores: EnumSet<Score>) -> String {
    scores.iter().map(Score::name).collect::<Vec<_>>().join("|")
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ihc { finding, percent, source } => {
                write!(formatter, "IHC {finding}")?;
                if let Some(percent) = percent {
                    write!(formatter, ", {percent} % of cells stained")?;
                }
                write!(formatter, " ({source}).")
            }
            Self::Ish { role, values, source } => {
                let role = match role {
                    CountRole::Initial => "ISH",
                    CountRole::Recount => "Blinded ISH recount",
                    CountRole::Adjudicated => "Adjudicated ISH",
                };
                write!(formatter, "{role}: {values} ({source}).")
            }
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
                "What is known leaves more than one answer open; {missing} would decide."
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
                "The edition in force does not cover this primary site ({}): the findings are kept, no status is derived.",
                site.name()
            ),
            Self::Unreadable => formatter.write_str(
                "Something was sent about HER2 that could not be read, and it may change the status.",
            ),
            Self::Next(action) => formatter.write_str(action_text(*action)),
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
        Category::None => "The kind of negative result (low, ultralow, null) cannot be told.",
        Category::Positive | Category::Equivocal => "",
    }
}

fn action_text(action: NextAction) -> &'static str {
    match action {
        NextAction::None => "No further test is asked for.",
        NextAction::ReflexIsh => "Next: ISH on the same specimen.",
        NextAction::ConcurrentIhc => "Next: IHC on the same tissue.",
        NextAction::RecountIsh => {
            "Next: a blinded recount of at least 20 cells, including the area of 2+ staining."
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
