//! One line per tool, as text or JSON.

use serde_json::{Value, json};

use crate::bound::Bound;
use crate::evictions::Evictions;
use crate::ledger::BudgetResult;
use crate::scenario::{self, Scenario};
use crate::tool::Tool;

/// The result of one tool in one scenario. Times are in seconds since the tool's start.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub scenario: String,
    /// The factor by which pods took longer to be Ready.
    pub slower: u32,
    pub nodes: u32,
    pub pods: u32,
    pub tool: Tool,
    pub bound: Bound,
    /// Until the last pod had left the old nodes; `None` if that never happened.
    pub seconds: Option<f64>,
    /// Until the tool exited.
    pub exit_seconds: f64,
    /// Until every pod was Ready again.
    pub available_seconds: Option<f64>,
    pub evictions: Evictions,
    pub violations: Vec<String>,
    pub budgets: Vec<BudgetResult>,
    /// Pods that still run on old nodes.
    pub left: usize,
    /// How often the watcher may have lost events.
    pub gaps: usize,
    pub trouble: Option<String>,
}

impl Row {
    /// eni-custom must not fail, violate a budget or leave a pod behind. For kubectl this is only reported.
    pub(crate) fn is_fault(&self) -> bool {
        let is_eni_custom = self.tool == Tool::EniCustom;
        is_eni_custom && (!self.violations.is_empty() || self.left > 0 || self.trouble.is_some())
    }

    fn ratio(&self) -> Option<f64> {
        self.seconds.map(|seconds| seconds / self.bound.seconds())
    }

    pub(crate) fn json(&self) -> Value {
        let budgets = self
            .budgets
            .iter()
            .map(|budget| json!({ "name": budget.name, "least": budget.least, "lowest": budget.lowest }));
        json!({
            "scenario": self.scenario,
            "tool": self.tool.name(),
            "seconds": self.seconds.map(rounded),
            "bound_seconds": rounded(self.bound.seconds()),
            "ratio": self.ratio().map(rounded),
            "evictions": self.evictions.sent,
            "rejected": self.evictions.rejected,
            "budget_violations": self.violations.len(),
            "failed_evictions": self.evictions.failed,
            "exit_seconds": rounded(self.exit_seconds),
            "available_seconds": self.available_seconds.map(rounded),
            "bound_set_by": self.bound.set_by(),
            "bound_of_budgets_seconds": rounded(self.bound.budgets),
            "bound_of_machine_seconds": self.bound.machine.map(rounded),
            "slower": self.slower,
            "nodes": self.nodes,
            "pods": self.pods,
            "pods_left": self.left,
            "trouble": self.trouble,
            "violations": self.violations,
            "watch_gaps": self.gaps,
            "budgets": budgets.collect::<Vec<_>>(),
        })
    }

    /// The budget that came closest to its minimum or fell furthest below it.
    fn tightest(&self) -> String {
        let margin = |budget: &&BudgetResult| budget.lowest.cast_signed() - budget.least.cast_signed();
        let of_the_workload = |budget: &&BudgetResult| budget.name.starts_with(scenario::NAMESPACES);
        match self.budgets.iter().filter(of_the_workload).min_by_key(margin) {
            Some(budget) => format!("{} of {}", budget.lowest, budget.least),
            None => "-".to_string(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let seconds = |value: Option<f64>| value.map_or("never".to_string(), |value| format!("{value:.1}"));
        let ratio = self.ratio().map_or("-".to_string(), |ratio| format!("{ratio:.2}"));
        let mut text = format!(
            "{:<22} {:>9} {:>9} {:>6} {:>9} {:>9} {:>9} {:>7} {:>12} {:>10}",
            self.tool.name(),
            seconds(self.seconds),
            format!("{:.1}", self.bound.seconds()),
            ratio,
            seconds(Some(self.exit_seconds)),
            seconds(self.available_seconds),
            self.evictions.sent,
            self.evictions.rejected,
            self.tightest(),
            self.violations.len(),
        );
        for line in self.notes() {
            text.push_str(&format!("\n    {line}"));
        }
        text
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.left > 0 {
            notes.push(format!("{} pods still run on old nodes", self.left));
        }
        if self.evictions.failed > 0 {
            notes.push(format!("{} evictions failed with an error other than 429", self.evictions.failed));
        }
        if self.gaps > 0 {
            notes.push(format!("the watcher lost events {} times: violations may be missing", self.gaps));
        }
        notes.extend(self.violations.iter().take(5).cloned());
        if let Some(trouble) = &self.trouble {
            notes.extend(trouble.lines().map(String::from));
        }
        notes
    }
}

/// The lines above a scenario's rows.
pub(crate) fn header(scenario: &Scenario, bound: &Bound) -> String {
    let slower = match scenario.slower {
        1 => String::new(),
        times => format!(" (here {times} times as long)"),
    };
    let machine = bound.machine.map_or("not measured".to_string(), |seconds| format!("{seconds:.1} s"));
    format!(
        "\n{}: {}{slower}\n{} nodes, {} pods; lower bound: {:.1} s (budgets: {:.1} s; this machine: {machine})\n\
         {:<22} {:>9} {:>9} {:>6} {:>9} {:>9} {:>9} {:>7} {:>12} {:>10}",
        scenario.name,
        scenario.about,
        scenario.nodes(),
        scenario.pods(),
        bound.seconds(),
        bound.budgets,
        "tool",
        "seconds",
        "bound",
        "ratio",
        "exit",
        "available",
        "evictions",
        "429s",
        "lowest",
        "violations",
    )
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
