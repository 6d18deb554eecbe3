//! What a person is asked to do.

use crate::{
    checks, dates,
    drafts::{Concept, Reference, TaskDraft, TaskInput, TaskStatus},
    elements,
    exact::{Composed, ExactTexts},
    invalid::Invalid,
    path::Path,
};
use fhir_sdk::r4b::{
    codes,
    resources::{self, Task, TaskInputValue, TaskRestriction},
};

/// The Task as FHIR R4 JSON.
///
/// # Errors
/// The first element that FHIR would refuse.
pub fn task(draft: &TaskDraft) -> Result<String, Invalid> {
    compose(draft)?.into_json()
}

/// The Task as model, in the order of its elements.
pub(crate) fn compose(draft: &TaskDraft) -> Result<Composed<Task>, Invalid> {
    let root = Path::of_resource("Task");
    let mut texts = ExactTexts::default();
    let concept =
        |name, draft: &Option<Concept>| elements::optional(&root, name, draft, elements::concept);
    let reference = |name, draft: &Option<Reference>| {
        elements::optional(&root, name, draft, elements::reference)
    };

    let mut task = Task::builder()
        .status(status(draft.status))
        .intent(codes::TaskIntent::_Custom("order".to_owned()))
        .build()?;
    task.id = Some(checks::id(&draft.id, &root.field("id"))?);
    task.meta = elements::meta(&root, &[], &draft.security, &[])?;
    task.identifier = elements::list(
        &root,
        "identifier",
        &draft.identifiers,
        elements::identifier,
    )?;
    task.status_reason = concept("statusReason", &draft.status_reason)?;
    task.priority = Some(codes::RequestPriority::Routine);
    task.code = Some(elements::concept(&draft.code, &root.field("code"))?);
    task.description = elements::optional(&root, "description", &draft.description, checks::text)?;
    task.focus = reference("focus", &draft.focus)?;
    task.r#for = reference("for", &draft.subject)?;
    task.owner = reference("owner", &draft.owner)?;
    check_order(draft, &root)?;
    let mut date_time = |text: &str, path: &Path| texts.date_time(text, path);
    task.authored_on = elements::optional(&root, "authoredOn", &draft.authored_on, &mut date_time)?;
    task.last_modified =
        elements::optional(&root, "lastModified", &draft.last_modified, &mut date_time)?;
    task.reason_code = concept("reasonCode", &draft.reason)?;
    task.restriction = restriction(&draft.due, &root, &mut texts)?;
    task.input = elements::list(&root, "input", &draft.inputs, input)?;

    Ok(Composed {
        model: task,
        root,
        texts,
    })
}

/// A version is not made before the first one (inv-1).
fn check_order(draft: &TaskDraft, root: &Path) -> Result<(), Invalid> {
    match (&draft.authored_on, &draft.last_modified) {
        (Some(authored), Some(modified)) if dates::is_later(authored, modified) => {
            Err(Invalid::rule("inv-1", &root.field("lastModified")))
        }
        _ => Ok(()),
    }
}

fn restriction(
    due: &Option<String>,
    root: &Path,
    texts: &mut ExactTexts,
) -> Result<Option<TaskRestriction>, Invalid> {
    if due.is_none() {
        return Ok(None);
    }
    let path = root.field("restriction").field("period");
    let period = elements::period(&None, due, &path, texts)?;
    Ok(Some(TaskRestriction::builder().period(period).build()?))
}

fn input(draft: &TaskInput, path: &Path) -> Result<resources::TaskInput, Invalid> {
    let kind = elements::concept(&draft.kind, &path.field("type"))?;
    let text = checks::text(&draft.text, &path.field("valueString"))?;
    let input = resources::TaskInput::builder();
    Ok(input
        .r#type(kind)
        .value(TaskInputValue::String(text))
        .build()?)
}

fn status(draft: TaskStatus) -> codes::TaskStatus {
    match draft {
        TaskStatus::Requested => codes::TaskStatus::Requested,
        TaskStatus::Cancelled => codes::TaskStatus::Cancelled,
        TaskStatus::Completed => codes::TaskStatus::Completed,
    }
}
