//! `status`: shows which steps are done.

use crate::discover::Reading;
use crate::error::Result;
use crate::events::Interrupt;
use crate::exit::Exit;
use crate::k8s::lock;
use crate::run;
use crate::settings::Settings;
use crate::ui::Ui;

pub async fn status(ui: &Ui, settings: Settings) -> Result<Exit> {
    let (session, _) = run::connect(settings, ui.sink(), Interrupt::default(), Reading::Whole).await?;
    let holder = lock::holder(&session.clients.kube.client).await?;
    ui.status(&crate::status::status(&session.design, &session.facts, &session.settings, holder));
    Ok(Exit::Done)
}
