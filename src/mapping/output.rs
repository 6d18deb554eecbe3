//! The codes this adapter writes, from `mappings/output.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::table::{HeaderWritten, MappingError};
use super::terminology;

/// The output codes every installation uses.
pub const OUTPUT: &str = include_str!("../../mappings/output.toml");

/// One code to write.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// Its system.
    pub system: String,
    /// The code.
    pub code: String,
    /// Its display.
    pub display: String,
}

/// How a status is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusCodes {
    /// In words.
    pub text: String,
    /// In SNOMED CT.
    pub snomed: Code,
    /// As a LOINC answer.
    pub loinc: Code,
    /// As an interpretation.
    pub interpretation: Code,
}

/// How a unit is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// For people.
    pub unit: String,
    /// In UCUM.
    pub code: String,
}

/// The units of the numbers that are written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Units {
    /// Their system.
    pub system: String,
    /// Of the ratio.
    pub ratio: Unit,
    /// Of copies per nucleus.
    pub copies: Unit,
    /// Of cells.
    pub cells: Unit,
}

/// The questions that are written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Questions {
    /// The result itself.
    pub observation: Code,
    /// Its category.
    pub laboratory: Code,
    /// The score, in breast cancer.
    pub ihc_score_breast: Code,
    /// The score, elsewhere.
    pub ihc_score: Code,
    /// HER2/CEP17 ratio.
    pub ish_ratio: Code,
    /// HER2 copies per cell.
    #[serde(rename = "ish-her2-copies")]
    pub ish_her2_copies: Code,
    /// CEP17 copies per cell.
    #[serde(rename = "ish-cep17-copies")]
    pub ish_cep17_copies: Code,
    /// Cells counted.
    pub ish_cells: Code,
}

/// How the four statuses with a code are written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statuses {
    /// Positive.
    pub positive: StatusCodes,
    /// Negative.
    pub negative: StatusCodes,
    /// Equivocal.
    pub equivocal: StatusCodes,
    /// Indeterminate.
    pub indeterminate: StatusCodes,
}

/// A profile that results may claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// mCODE's tumor-marker-test, which is a US Core laboratory result.
    Mcode,
    /// ICHOM's HER2 receptor status in breast cancer.
    Ichom,
    /// HER2 status of the breast of the German Medizininformatik-Initiative, module Onkologie.
    Mii,
}

/// What a profile is called, and what it wants beside the codes of every result.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProfileCodes {
    /// Its canonical URL.
    pub canonical: String,
    /// How it displays the code of the result, where a display is part of its pattern.
    pub observation_display: Option<String>,
    /// Canonical of the profile that a resource in focus is to have.
    pub focus: Option<String>,
    /// Further codings of a positive result.
    #[serde(default)]
    pub positive: Vec<Code>,
    /// Further codings of a negative result.
    #[serde(default)]
    pub negative: Vec<Code>,
    /// Further codings of an equivocal result.
    #[serde(default)]
    pub equivocal: Vec<Code>,
    /// A further coding for a kind of negative, by its name.
    #[serde(default)]
    pub category: BTreeMap<String, Code>,
}

/// The profiles that results may claim.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    mcode: ProfileCodes,
    ichom: ProfileCodes,
    mii: ProfileCodes,
}

impl Profiles {
    /// What a profile wants.
    pub fn of(&self, profile: Profile) -> &ProfileCodes {
        match profile {
            Profile::Mcode => &self.mcode,
            Profile::Ichom => &self.ichom,
            Profile::Mii => &self.mii,
        }
    }
}

/// All codes that are written.
#[derive(Clone, Debug)]
pub struct OutputCodes {
    /// Profiles that may be claimed.
    pub profiles: Profiles,
    /// Questions.
    pub codes: Questions,
    /// Statuses.
    pub status: Statuses,
    /// Scores by name (`2+`).
    pub score: BTreeMap<String, Code>,
    /// Units.
    pub units: Units,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileWritten {
    header: HeaderWritten,
    codes: Questions,
    status: Statuses,
    score: BTreeMap<String, Code>,
    units: Units,
    profiles: Profiles,
}

impl OutputCodes {
    /// Reads the output codes, and looks whether those of our own are all defined.
    ///
    /// # Errors
    /// [`MappingError`] when a file cannot be used.
    pub fn load(text: &str) -> Result<Self, MappingError> {
        let file: FileWritten = toml::from_str(text).map_err(|error| MappingError::Unreadable {
            file: "output".to_owned(),
            message: error.to_string(),
        })?;
        file.header.checked("output")?;
        terminology::check()?;
        Ok(Self {
            profiles: file.profiles,
            codes: file.codes,
            status: file.status,
            score: file.score,
            units: file.units,
        })
    }
}
