//! Guideline editions: which exist, which site each covers, and the whole table of one.

use super::asco_cap_2018::{self, Answer, CopyClass, Ihc, Ish, Recount, Threshold};
use super::decision::Group;
use super::evidence::{Score, Site};

/// An edition of a guideline. It is always an explicit input, never inferred from today's date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edition {
    /// ASCO/CAP 2018, affirmed unchanged in 2023.
    AscoCap2018,
}

impl Edition {
    /// Every edition.
    pub const ALL: [Self; 1] = [Self::AscoCap2018];

    /// The id used in records, settings and rule ids.
    pub fn id(self) -> &'static str {
        match self {
            Self::AscoCap2018 => "asco-cap-2018",
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
        }
    }

    /// Whether the edition speaks about this site.
    pub fn covers(self, site: Site) -> bool {
        match self {
            Self::AscoCap2018 => site == Site::Breast,
        }
    }

    /// What the edition answers.
    pub fn answer(self, ihc: Ihc, ish: Ish) -> Answer {
        match self {
            Self::AscoCap2018 => asco_cap_2018::answer(ihc, ish),
        }
    }

    /// What the classes rest on.
    pub fn thresholds(self) -> &'static [Threshold] {
        match self {
            Self::AscoCap2018 => &asco_cap_2018::THRESHOLDS,
        }
    }

    /// The id of the rule that answers this input, such as `asco-cap-2018/dual/group-3/ihc-1+`.
    pub fn rule_id(self, ihc: Ihc, ish: Ish) -> String {
        let ihc = ihc_id(ihc);
        let edition = self.id();
        match ish {
            Ish::NotDone => format!("{edition}/{ihc}"),
            Ish::Failed => format!("{edition}/ish-failed/{ihc}"),
            Ish::Single(class) => format!("{edition}/single/{}/{ihc}", copies_id(class)),
            Ish::Dual(group, recount) => {
                let recount = match recount {
                    Recount::NotDone => String::new(),
                    Recount::SameGroup => "/recount-same".to_owned(),
                    Recount::OtherGroup(other) => format!("/recount-group-{}", other.number()),
                };
                format!("{edition}/dual/group-{}/{ihc}{recount}", group.number())
            }
            Ish::Adjudicated(group) => {
                format!("{edition}/adjudicated/group-{}/{ihc}", group.number())
            }
            Ish::Amplified => format!("{edition}/ish-stated/amplified/{ihc}"),
            Ish::NotAmplified => format!("{edition}/ish-stated/not-amplified/{ihc}"),
        }
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
        let groups = [
            Group::One,
            Group::Two,
            Group::Three,
            Group::Four,
            Group::Five,
        ];
        let mut ish = vec![Ish::NotDone, Ish::Failed];
        for group in groups {
            ish.push(Ish::Dual(group, Recount::NotDone));
            ish.push(Ish::Dual(group, Recount::SameGroup));
            ish.extend(
                groups
                    .into_iter()
                    .filter(|other| *other != group)
                    .map(|other| Ish::Dual(group, Recount::OtherGroup(other))),
            );
        }
        ish.extend(groups.map(Ish::Adjudicated));
        ish.extend([CopyClass::Below4, CopyClass::From4To6, CopyClass::AtLeast6].map(Ish::Single));
        ish.extend([Ish::Amplified, Ish::NotAmplified]);
        ish.into_iter()
            .flat_map(|ish| ihc.map(|ihc| (ihc, ish)))
            .collect()
    }
}

/// `ihc-1+`, `ihc-failed` or `ihc-none`.
pub fn ihc_id(ihc: Ihc) -> String {
    match ihc {
        Ihc::NotKnown => "ihc-none".to_owned(),
        Ihc::Failed => "ihc-failed".to_owned(),
        Ihc::Score(score) => format!("ihc-{}", score.name()),
    }
}

/// `copies-below-4` and so on.
pub fn copies_id(class: CopyClass) -> &'static str {
    match class {
        CopyClass::Below4 => "copies-below-4",
        CopyClass::From4To6 => "copies-4-to-6",
        CopyClass::AtLeast6 => "copies-from-6",
    }
}
