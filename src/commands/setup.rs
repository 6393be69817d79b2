//! `setup` on a terminal: which cluster, what was found, the questions, and whether to go on.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::checks;
use crate::error::{Error, Result};
use crate::export;
use crate::found::found;
use crate::issue::Id;
use crate::run::Prepared;
use crate::saved::{self, Saved};
use crate::settings::Settings;
use crate::text::counted;
use crate::ui::{Answer, Question, Ui};
use crate::wizard;

/// What a person decided.
pub(super) enum Decision {
    GoOn(Box<Prepared>),
    /// The plan was saved, or the answer was no: nothing was changed.
    End,
}

/// The settings with a cluster, which is asked for if none is given.
pub(super) async fn target(ui: &Ui, settings: Settings) -> Result<Settings> {
    wizard::choose_target(settings, &ui.prompt()).await
}

/// Asks for the settings that no flag gives, plans with the answers, and asks whether to go on, until that is decided.
pub(super) async fn decide(ui: &Ui, mut prepared: Prepared) -> Result<Decision> {
    // Refuse an unsupported cluster before asking questions.
    let mut unsupported = prepared.plan.errors();
    unsupported.retain(|finding| checks::UNSUPPORTED.contains(&finding.id));
    if !unsupported.is_empty() {
        return Err(Error::refused_by(unsupported));
    }
    let given = prepared.session.settings.clone();
    ui.found(&found(&prepared.session.facts, &prepared.session.design));
    loop {
        let answers = {
            let mut scene = prepared.session.scene();
            // Questions asked again start from what was given, with the last answers forgotten.
            scene.settings = &given;
            wizard::ask(&scene, &ui.prompt())?
        };
        ui.reading();
        prepared.replan(answers).await?;
        if prepared.plan.errors().is_empty() && !prepared.has_work() {
            return Ok(Decision::GoOn(Box::new(prepared)));
        }
        ui.summary(&prepared.plan);
        match go_on(ui, &mut prepared)? {
            Choice::Yes => return Ok(Decision::GoOn(Box::new(prepared))),
            Choice::End => return Ok(Decision::End),
            Choice::AskAgain => {}
        }
    }
}

enum Choice {
    Yes,
    End,
    AskAgain,
}

/// What each line of the last question does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Yes,
    No,
    Details,
    Save,
    Commands,
    Answers,
}

impl Item {
    fn text(self, errors: usize) -> String {
        match self {
            Item::Yes => "yes: make these changes".into(),
            Item::No if errors > 0 => format!("no: end here, with {} to fix", counted(errors, "error")),
            Item::No => "no: end here, nothing was changed".into(),
            Item::Details => "details: show every change with its values".into(),
            Item::Save => "save: write the plan to a file, and end here".into(),
            Item::Commands => "commands: print the documented commands that do the same".into(),
            Item::Answers => "answers: go through the questions again".into(),
        }
    }
}

/// Asks until the answer is more than a look at the plan. A plan with errors can't be carried out or saved.
fn go_on(ui: &Ui, prepared: &mut Prepared) -> Result<Choice> {
    let errors = prepared.plan.errors().len();
    let items: Vec<Item> = match errors {
        0 => vec![Item::Yes, Item::No, Item::Details, Item::Save, Item::Commands, Item::Answers],
        _ => vec![Item::Answers, Item::No, Item::Details],
    };
    let no = items.iter().position(|item| *item == Item::No).unwrap_or_default();
    let texts: Vec<String> = items.iter().map(|item| item.text(errors)).collect();
    let question = Question {
        ask: match errors {
            0 => "Make these changes?".into(),
            errors => format!("setup would refuse this: {}. What now?", counted(errors, "error")),
        },
        why: "Nothing was changed so far, and `eni-custom undo` brings all of it back.".into(),
        more: "yes starts the run: it makes the changes in this order, waits for each to take effect, and ends with a proof. Ctrl-C during the run stops at a safe point and prints the command that goes on. save writes a file for `eni-custom setup --plan FILE`, which applies exactly these changes or refuses. commands prints what the AWS documentation would have you type.".into(),
        back: true,
    };
    loop {
        let item = match ui.prompt().choose(&question, &texts, no)? {
            Answer::Back => Item::Answers,
            Answer::Is(at) => items.get(at).copied().unwrap_or(Item::No),
        };
        match item {
            Item::Yes if accepts_warnings(ui, prepared)? => return Ok(Choice::Yes),
            Item::Yes => {}
            Item::No => {
                prepared.refuse_errors()?;
                ui.say("Nothing was changed.");
                return Ok(Choice::End);
            }
            Item::Answers => return Ok(Choice::AskAgain),
            Item::Details => ui.preview(&prepared.plan),
            Item::Commands => {
                let files = export::files(&prepared.plan, &prepared.session.scene())?;
                ui.prompt().say(files.get(export::COMMANDS).map_or("", String::as_str));
            }
            Item::Save if save(ui, prepared)? => return Ok(Choice::End),
            Item::Save => {}
        }
    }
}

/// Whether the plan was saved: a person may have gone back.
fn save(ui: &Ui, prepared: &Prepared) -> Result<bool> {
    let scene = prepared.session.scene();
    let question = Question {
        ask: "File for the plan".into(),
        why: "An existing file is replaced. The plan contains no secrets.".into(),
        more: String::new(),
        back: true,
    };
    let default = format!("{}.plan.json", scene.facts.cluster.name);
    let check = |text: &str| {
        let is_folder = std::path::Path::new(text).is_dir();
        if text.is_empty() || is_folder {
            Err("expected the name of a file".to_string().into())
        } else {
            Ok(())
        }
    };
    let Answer::Is(path) = ui.prompt().text(&question, &default, check)? else { return Ok(false) };
    let path = PathBuf::from(path);
    saved::write(&Saved::of(&prepared.plan, &scene), &path)?;
    ui.say(&format!(
        "Nothing was changed. To apply exactly these changes: eni-custom setup --plan {}",
        path.display()
    ));
    Ok(true)
}

/// Asks once about all open warnings. A yes accepts them for the rest of the run.
pub(super) fn accepts_warnings(ui: &Ui, prepared: &mut Prepared) -> Result<bool> {
    let open = prepared.plan.open_warnings();
    if open.is_empty() {
        return Ok(true);
    }
    let ids: BTreeSet<Id> = open.iter().map(|finding| finding.id).collect();
    let ids: Vec<&str> = ids.into_iter().map(Id::as_str).collect();
    let (count, ids) = (open.len(), ids.join(", "));
    let warnings = counted(count, "warning");
    if !ui.prompt().confirm(&format!("Continue despite {warnings} ({ids})?"), false)? {
        return Ok(false);
    }
    prepared.accept(&open);
    Ok(true)
}
