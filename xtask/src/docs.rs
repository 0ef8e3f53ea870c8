//! `cargo xtask docs`: tables in documents that are made from what they document, so that they cannot say something else.
//!
//! A table stands between two comments, `<!-- name: begin -->` and `<!-- name: end -->`. What is around it is written by hand.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use hcl::{Block, Body};
use serde_json::Value;

use crate::console;
use crate::workspace::Workspace;

/// A table: the document that it stands in, its name there, and what makes it.
type Table = (&'static str, &'static str, fn(&Workspace) -> Result<String>);

const TABLES: [Table; 6] = [
    ("terraform/README.md", "inputs", inputs),
    ("terraform/README.md", "outputs", outputs),
    ("docs/deploy.md", "parameters", parameters),
    ("docs/outcomes.md", "alarms", alarms),
    ("docs/security.md", "statements", statements),
    ("docs/security.md", "resource-policies", resource_policies),
];

/// Writes every table.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    for (document, name, table) in TABLES {
        let path = workspace.root.join(document);
        let old = read(&path)?;
        let new =
            with_table(&old, name, &table(workspace)?).with_context(|| document.to_owned())?;
        if new != old {
            fs::write(&path, new).with_context(|| format!("cannot write {}", path.display()))?;
            console::line(&format!("{document}: table {name} is new"));
        }
    }
    Ok(())
}

/// Every table is what it would be if it were written now.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    for (document, name, table) in TABLES {
        let old = read(&workspace.root.join(document))?;
        let new =
            with_table(&old, name, &table(workspace)?).with_context(|| document.to_owned())?;
        ensure!(
            new == old,
            "{document}: table {name} is old; run `cargo xtask docs`"
        );
    }
    Ok(())
}

fn read(path: &PathBuf) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn with_table(document: &str, name: &str, table: &str) -> Result<String> {
    let (begin, end) = (
        format!("<!-- {name}: begin -->"),
        format!("<!-- {name}: end -->"),
    );
    let Some((before, rest)) = document.split_once(&begin) else {
        bail!("there is no {begin}");
    };
    let Some((_, after)) = rest.split_once(&end) else {
        bail!("there is no {end}");
    };
    Ok(format!("{before}{begin}\n\n{table}\n{end}{after}"))
}

fn inputs(workspace: &Workspace) -> Result<String> {
    let mut table = "| name | type | default | what it is |\n|---|---|---|---|\n".to_owned();
    for block in blocks(workspace, "terraform/variables.tf", "variable")? {
        let default = attribute(&block, "default")?;
        let is_required = default.is_none();
        table.push_str(&row(&[
            &code(label(&block)?),
            &code(&attribute(&block, "type")?.context("a variable without a type")?),
            &if is_required {
                "required".to_owned()
            } else {
                code(&default.unwrap_or_default())
            },
            &text(&block)?,
        ]));
    }
    Ok(table)
}

fn outputs(workspace: &Workspace) -> Result<String> {
    let mut table = "| name | what it is |\n|---|---|\n".to_owned();
    for block in blocks(workspace, "terraform/outputs.tf", "output")? {
        table.push_str(&row(&[&code(label(&block)?), &text(&block)?]));
    }
    Ok(table)
}

/// Both roads beside each other, from `infra/parameters.json`.
fn parameters(workspace: &Workspace) -> Result<String> {
    let all = json(workspace, "infra/parameters.json")?;
    let field = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let mut table =
        "| CloudFormation | Terraform | default | allowed | what it is |\n|---|---|---|---|---|\n"
            .to_owned();
    let function = all["function"]
        .as_object()
        .into_iter()
        .flat_map(|all| all.values());
    let others = ["settings", "deployment"]
        .into_iter()
        .filter_map(|name| all[name].as_array());
    for one in function.chain(others.flatten()) {
        let Some(own) = one["roads"]["cloudformation"].as_str() else {
            continue;
        };
        let told = [&one["roads"]["allowed"], &one["range"], &one["allowed"]];
        let told = told.iter().find_map(|text| text.as_str());
        let allowed = told.unwrap_or_default().to_owned();
        let allowed = match one["unit"].as_str() {
            Some(unit) => format!("{allowed} ({unit})"),
            None => allowed,
        };
        let own_default = &one["roads"]["default"];
        let default = if own_default.is_null() {
            &one["default"]
        } else {
            own_default
        };
        let default = match default {
            Value::Null => "required".to_owned(),
            Value::String(text) if text.is_empty() => "empty".to_owned(),
            Value::String(text) => code(text),
            number => code(&number.to_string()),
        };
        table.push_str(&row(&[
            &code(own),
            &code(&field(&one["roads"], "terraform")),
            &default,
            &plain(&allowed),
            &plain(&field(one, "meaning")),
        ]));
    }
    Ok(table)
}

/// Alarms, from `infra/alarms.json`.
fn alarms(workspace: &Workspace) -> Result<String> {
    let all = json(workspace, "infra/alarms.json")?;
    let mut table = "| alarm | on | means | what to do |\n|---|---|---|---|\n".to_owned();
    for one in rows(&all, "alarms")? {
        let minutes = one["period_seconds"].as_u64().context("a period")? / 60;
        let threshold = match &one["threshold"] {
            Value::String(parameter) => code(&in_template(parameter.trim_matches(['{', '}']))),
            number => number.to_string(),
        };
        let unit = one["expression_unit"]
            .as_str()
            .map(|unit| format!(" {unit}"));
        let on = format!(
            "{} of {} in {minutes} min: {threshold}{} or more",
            text_of(one, "statistic")?.to_lowercase(),
            code(&format!(
                "{} {}",
                text_of(one, "namespace")?,
                text_of(one, "metric")?
            )),
            unit.unwrap_or_default()
        );
        table.push_str(&row(&[
            &code(text_of(one, "name")?),
            &on,
            text_of(one, "meaning")?,
            text_of(one, "action")?,
        ]));
    }
    Ok(table)
}

/// A parameter's name as the template writes it.
fn in_template(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    };
    name.split('_').map(word).collect()
}

/// What the role may do, from `infra/iam.json`.
fn statements(workspace: &Workspace) -> Result<String> {
    let all = json(workspace, "infra/iam.json")?;
    let mut table = "| statement | actions | where | why |\n|---|---|---|---|\n".to_owned();
    for one in rows(&all, "statements")? {
        table.push_str(&row(&[
            &code(text_of(one, "sid")?),
            &codes(one, "actions")?,
            &codes(one, "resources")?,
            &plain(text_of(one, "source")?),
        ]));
    }
    Ok(table)
}

/// Who may use what the deployment makes, from `infra/iam.json`.
fn resource_policies(workspace: &Workspace) -> Result<String> {
    let all = json(workspace, "infra/iam.json")?;
    let mut table = "| on | who | action | why |\n|---|---|---|---|\n".to_owned();
    for one in rows(&all, "resource_policies")? {
        table.push_str(&row(&[
            &plain(&text_of(one, "on")?.replace('_', " ")),
            &code(text_of(one, "principal")?),
            &code(text_of(one, "action")?),
            &plain(text_of(one, "source")?),
        ]));
    }
    Ok(table)
}

fn json(workspace: &Workspace, path: &str) -> Result<Value> {
    let text = read(&workspace.root.join(path))?;
    serde_json::from_str(&text).with_context(|| path.to_owned())
}

fn rows<'a>(all: &'a Value, name: &str) -> Result<&'a Vec<Value>> {
    all[name]
        .as_array()
        .with_context(|| format!("there is no list {name}"))
}

fn text_of<'a>(one: &'a Value, name: &str) -> Result<&'a str> {
    one[name]
        .as_str()
        .with_context(|| format!("{one} has no text {name}"))
}

/// A list of texts, each as code. Words in braces are what the road fills in.
fn codes(one: &Value, name: &str) -> Result<String> {
    let texts = rows(one, name)?.iter().map(|one| one.as_str().map(code));
    let texts: Option<Vec<_>> = texts.collect();
    Ok(texts
        .with_context(|| format!("{name} is no list of texts"))?
        .join(", "))
}

/// Text in which wildcards stay wildcards.
fn plain(text: &str) -> String {
    text.replace('*', "\\*").replace('<', "&lt;")
}

fn row(cells: &[&str]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn code(text: &str) -> String {
    format!(
        "`{}`",
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    )
}

fn blocks(workspace: &Workspace, path: &str, kind: &str) -> Result<Vec<Block>> {
    let body: Body =
        hcl::from_str(&read(&workspace.root.join(path))?).with_context(|| path.to_owned())?;
    let blocks = body.into_blocks();
    Ok(blocks
        .filter(|block| block.identifier.as_str() == kind)
        .collect())
}

fn label(block: &Block) -> Result<&str> {
    Ok(block
        .labels
        .first()
        .context("a block without a name")?
        .as_str())
}

/// An attribute as it is written.
fn attribute(block: &Block, name: &str) -> Result<Option<String>> {
    let Some(found) = block.body.attributes().find(|own| own.key() == name) else {
        return Ok(None);
    };
    let written = hcl::format::to_string(found.expr());
    Ok(Some(written.with_context(|| {
        format!("{name} of {}", block.identifier.as_str())
    })?))
}

/// The description, without the quotes that it is written in.
fn text(block: &Block) -> Result<String> {
    let found = block
        .body
        .attributes()
        .find(|own| own.key() == "description");
    match found.map(|own| own.expr()) {
        Some(hcl::Expression::String(text)) => Ok(plain(text)),
        _ => bail!("{} has no description", label(block)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_old_one_and_nothing_else() {
        let document = "a\n<!-- t: begin -->\nold\n<!-- t: end -->\nb\n";
        let new = with_table(document, "t", "new\n").expect("it has the place");
        assert_eq!(new, "a\n<!-- t: begin -->\n\nnew\n\n<!-- t: end -->\nb\n");
        assert_eq!(with_table(&new, "t", "new\n").expect("again"), new);
        let error = with_table(document, "u", "").expect_err("no place");
        assert!(error.to_string().contains("<!-- u: begin -->"), "{error}");
    }

    #[test]
    fn neither_bars_nor_wildcards_are_taken_for_markup() {
        assert_eq!(plain("*:* and <a>"), "\\*:\\* and &lt;a>");
        assert_eq!(row(&["a|b", "c"]), "| a\\|b | c |\n");
    }
}
