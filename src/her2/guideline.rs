//! Guideline editions: which exist, which site each covers, its thresholds, and the whole table of one.
//!
//! An edition is a file of this folder: where its thresholds lie, what IHC scores are, and one total function from
//! both tests to an answer. What all editions are asked is in `answer.rs`, how numbers become classes in `classes.rs`.

mod answer;
mod asco_cap_2007;
mod asco_cap_2013;
mod asco_cap_2018;
mod classes;
mod common;
mod gastric_2016;
pub mod staining;

use std::fmt;

use common::RatioFirst;

use super::conventions::Conventions;
use super::decision::Group;
use super::evidence::{Score, Site};

pub use answer::{Answer, Comment, Ihc, Ish, Recount, Threshold};
pub use classes::{Cut, Cuts, Dual, Level};

/// An edition of a guideline. It is always an explicit input, never inferred from today's date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edition {
    /// ASCO/CAP 2018, affirmed unchanged in 2023.
    AscoCap2018,
    /// ASCO/CAP 2013.
    AscoCap2013,
    /// ASCO/CAP 2007.
    AscoCap2007,
    /// CAP/ASCP/ASCO 2016 for gastro-oesophageal adenocarcinoma.
    Gastric2016,
}

impl Edition {
    /// Every edition.
    pub const ALL: [Self; 4] = [
        Self::AscoCap2018,
        Self::AscoCap2013,
        Self::AscoCap2007,
        Self::Gastric2016,
    ];

    /// The id used in records, settings and rule ids.
    pub fn id(self) -> &'static str {
        match self {
            Self::AscoCap2018 => "asco-cap-2018",
            Self::AscoCap2013 => "asco-cap-2013",
            Self::AscoCap2007 => "asco-cap-2007",
            Self::Gastric2016 => "gastric-2016",
        }
    }

    /// The edition with this id.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|edition| edition.id() == id)
    }

    /// A title for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::AscoCap2018 => "ASCO/CAP 2018 (affirmed 2023), invasive breast cancer",
            Self::AscoCap2013 => "ASCO/CAP 2013, invasive breast cancer",
            Self::AscoCap2007 => "ASCO/CAP 2007, invasive breast cancer",
            Self::Gastric2016 => "CAP/ASCP/ASCO 2016, gastro-oesophageal adenocarcinoma",
        }
    }

    /// Whether the edition speaks about this site.
    pub fn covers(self, site: Site) -> bool {
        match self {
            Self::AscoCap2018 | Self::AscoCap2013 | Self::AscoCap2007 => site == Site::Breast,
            Self::Gastric2016 => site == Site::Gastroesophageal,
        }
    }

    /// What the edition answers.
    pub fn answer(self, ihc: Ihc, ish: Ish, conventions: &Conventions) -> Answer {
        match self {
            Self::AscoCap2018 => asco_cap_2018::answer(ihc, ish, conventions),
            Self::AscoCap2013 => asco_cap_2013::answer(ihc, ish),
            Self::AscoCap2007 => asco_cap_2007::answer(ihc, ish),
            Self::Gastric2016 => gastric_2016::answer(ihc, ish, conventions),
        }
    }

    /// The thresholds by which numbers become classes.
    pub fn cuts(self) -> Cuts {
        match self {
            Self::AscoCap2018 => asco_cap_2018::CUTS,
            Self::AscoCap2013 => asco_cap_2013::CUTS,
            Self::AscoCap2007 => asco_cap_2007::CUTS,
            Self::Gastric2016 => gastric_2016::CUTS,
        }
    }

    /// What the classes rest on, for people.
    pub fn thresholds(self) -> &'static [Threshold] {
        match self {
            Self::AscoCap2018 => &asco_cap_2018::THRESHOLDS,
            Self::AscoCap2013 => &asco_cap_2013::THRESHOLDS,
            Self::AscoCap2007 => &asco_cap_2007::THRESHOLDS,
            Self::Gastric2016 => &gastric_2016::THRESHOLDS,
        }
    }

    /// The group of a dual-probe count; only ASCO/CAP 2018 has groups.
    pub fn group(self, count: Dual) -> Option<Group> {
        (self == Self::AscoCap2018).then(|| asco_cap_2018::group(count))
    }

    /// Whether HER2-low, ultralow and null are kinds of a negative result. The 2007 scores are defined otherwise (a 1+ of
    /// any proportion may be ultralow today), and in gastric cancer they decide no treatment.
    pub fn has_kinds_of_negative(self) -> bool {
        match self {
            Self::AscoCap2018 | Self::AscoCap2013 => true,
            Self::AscoCap2007 | Self::Gastric2016 => false,
        }
    }

    /// What the edition calls the classes of dual-probe counts.
    pub fn class_noun(self) -> &'static str {
        match self {
            Self::AscoCap2018 => "group",
            Self::AscoCap2013 | Self::AscoCap2007 | Self::Gastric2016 => "class",
        }
    }

    /// The name that the edition's rules give the class of a dual-probe count: counts of one name are one class.
    pub fn class_name(self, count: Dual) -> &'static str {
        match self {
            Self::AscoCap2018 => match asco_cap_2018::group(count) {
                Group::One => "group-1",
                Group::Two => "group-2",
                Group::Three => "group-3",
                Group::Four => "group-4",
                Group::Five => "group-5",
            },
            Self::AscoCap2013 => match RatioFirst::of(count) {
                RatioFirst::HighRatio => "ratio-from-2",
                RatioFirst::HighCopies => "copies-from-6",
                RatioFirst::MiddleCopies => "copies-4-to-6",
                RatioFirst::BothLow => "both-low",
            },
            Self::AscoCap2007 => match count.ratio {
                Level::High => "ratio-above-2.2",
                Level::Middle => "ratio-1.8-to-2.2",
                Level::Low => "ratio-below-1.8",
            },
            Self::Gastric2016 => match RatioFirst::of(count) {
                RatioFirst::HighRatio => "ratio-from-2",
                RatioFirst::HighCopies => "copies-above-6",
                RatioFirst::MiddleCopies => "copies-4-to-6",
                RatioFirst::BothLow => "both-low",
            },
        }
    }

    /// The name that the edition's rules give the copies of a single-probe count.
    pub fn copies_name(self, copies: Level) -> &'static str {
        match (copies, self.cuts().copies) {
            (Level::Low, _) => "copies-below-4",
            (Level::Middle, _) => "copies-4-to-6",
            (Level::High, Cut::Including(..)) => "copies-above-6",
            (Level::High, Cut::At(_) | Cut::From(..)) => "copies-from-6",
        }
    }

    /// One count of each class, in the order the table prints them.
    pub fn classes(self) -> Vec<Dual> {
        use Level::{High, Low, Middle};
        let order = [
            (High, High),
            (High, Low),
            (Middle, High),
            (Low, High),
            (Low, Middle),
            (Low, Low),
        ];
        let mut classes: Vec<Dual> = Vec::new();
        for (ratio, copies) in order {
            let count = Dual { ratio, copies };
            let is_known = |known: &Dual| self.class_name(*known) == self.class_name(count);
            let is_reached = ratio != Middle || matches!(self.cuts().ratio, Cut::Including(..));
            if is_reached && !classes.iter().any(is_known) {
                classes.push(count);
            }
        }
        classes
    }

    /// Every input the edition answers, in the order the table prints them.
    pub fn inputs(self) -> Vec<(Ihc, Ish)> {
        let ihc = [
            Ihc::NotKnown,
            Ihc::Failed,
            Ihc::Score(Score::Zero),
            Ihc::Score(Score::OnePlus),
            Ihc::Score(Score::TwoPlus),
            Ihc::Score(Score::ThreePlus),
        ];
        let classes = self.classes();
        let mut ish = vec![Ish::NotDone, Ish::Failed];
        for class in &classes {
            ish.push(Ish::Dual(*class, Recount::NotDone));
            ish.push(Ish::Dual(*class, Recount::SameClass));
            ish.extend(
                (classes.iter())
                    .filter(|other| *other != class)
                    .map(|other| Ish::Dual(*class, Recount::OtherClass(*other))),
            );
        }
        ish.extend(classes.iter().map(|class| Ish::Adjudicated(*class)));
        ish.extend([Level::Low, Level::Middle, Level::High].map(Ish::Single));
        ish.extend([Ish::Amplified, Ish::NotAmplified]);
        ish.into_iter()
            .flat_map(|ish| ihc.map(|ihc| (ihc, ish)))
            .collect()
    }
}

/// What decided a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A row of an edition's table.
    Row(Edition, Ihc, Ish),
    /// A convention of this program for what no table answers, such as contradictory data.
    Convention(Edition, &'static str),
}

/// The id of the rule, such as `asco-cap-2018/dual/group-3/ihc-1+`.
impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (edition, ihc, ish) = match *self {
            Self::Row(edition, ihc, ish) => (edition, ihc, ish),
            Self::Convention(edition, row) => {
                return write!(formatter, "{}/convention/{row}", edition.id());
            }
        };
        write!(formatter, "{}/", edition.id())?;
        match ish {
            Ish::NotDone => {}
            Ish::Failed => formatter.write_str("ish-failed/")?,
            Ish::Single(copies) => write!(formatter, "single/{}/", edition.copies_name(copies))?,
            Ish::Dual(count, _) => write!(formatter, "dual/{}/", edition.class_name(count))?,
            Ish::Adjudicated(count) => {
                write!(formatter, "adjudicated/{}/", edition.class_name(count))?;
            }
            Ish::Amplified => formatter.write_str("ish-stated/amplified/")?,
            Ish::NotAmplified => formatter.write_str("ish-stated/not-amplified/")?,
        }
        formatter.write_str(ihc.name())?;
        match ish {
            Ish::Dual(_, Recount::SameClass) => formatter.write_str("/recount-same"),
            Ish::Dual(_, Recount::OtherClass(other)) => match edition.group(other) {
                Some(group) => write!(formatter, "/recount-group-{}", group.number()),
                None => write!(formatter, "/recount-class-{}", edition.class_name(other)),
            },
            _ => Ok(()),
        }
    }
}

impl Ihc {
    /// `ihc-1+`, `ihc-failed` or `ihc-none`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotKnown => "ihc-none",
            Self::Failed => "ihc-failed",
            Self::Score(Score::Zero) => "ihc-0",
            Self::Score(Score::OnePlus) => "ihc-1+",
            Self::Score(Score::TwoPlus) => "ihc-2+",
            Self::Score(Score::ThreePlus) => "ihc-3+",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edition_covers_one_site_and_is_found_by_its_id() {
        for edition in Edition::ALL {
            assert_eq!(Edition::parse(edition.id()), Some(edition));
            let covered: Vec<Site> = (Site::ALL.into_iter())
                .filter(|site| edition.covers(*site))
                .collect();
            let site = match edition {
                Edition::Gastric2016 => Site::Gastroesophageal,
                _ => Site::Breast,
            };
            assert_eq!(covered, [site]);
        }
        assert_eq!(Edition::parse("asco-cap-2023"), None);
    }

    #[test]
    fn copies_decide_in_gastric_cancer_unless_the_site_turns_the_rule_off() {
        use crate::her2::decision::Status;

        let status = |gastric_copies_rule, copies| {
            let conventions = Conventions {
                gastric_copies_rule,
                ..Conventions::default()
            };
            let count = Dual {
                ratio: Level::Low,
                copies,
            };
            let two_plus = Ihc::Score(Score::TwoPlus);
            let ish = Ish::Dual(count, Recount::NotDone);
            Edition::Gastric2016
                .answer(two_plus, ish, &conventions)
                .status
        };
        assert_eq!(status(true, Level::High), Status::Positive);
        assert_eq!(status(true, Level::Middle), Status::Equivocal);
        for copies in [Level::High, Level::Middle, Level::Low] {
            assert_eq!(status(false, copies), Status::Negative);
        }
    }
}
