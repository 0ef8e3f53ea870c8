//! The road of CloudFormation from end to end with one command, and back with the documented one: two stacks side by side in moto, their
//! custom resources answered by the program out of the zip that was uploaded.
//!
//! What moto cannot hold is named in [`NOT_HELD`]; what AWS accepts is not shown here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use soci_deploy::facts::{self, list, text, texts};
use soci_deploy::moto::Moto;
use soci_deploy::program::{Said, from_xtask};
use soci_deploy::template::template;

/// Types that moto's CloudFormation passes over: what the template says of them is held to `infra/` and to the module, which is applied.
const NOT_HELD: [&str; 3] = [
    "AWS::CloudWatch::Alarm",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::SQS::QueuePolicy",
];

const BUCKET: &str = "assets";

/// With custom resources, and a place for the zip.
fn moto_with_bucket() -> Moto {
    let moto = Moto::with_custom_resources();
    let _ = moto.aws(&[
        "s3api",
        "create-bucket",
        "--bucket",
        BUCKET,
        "--create-bucket-configuration",
        "LocationConstraint=eu-central-1",
    ]);
    moto
}

fn deploy(moto: &Moto, stack: &str, parameters: &[&str]) -> Said {
    let words = [
        "deploy",
        "cloudformation",
        "--bucket",
        BUCKET,
        "--stack",
        stack,
    ];
    moto.run(
        &from_xtask("SOCI_XTASK"),
        &[&words[..], parameters].concat(),
    )
}

/// What a stack consists of: logical name to type and physical name.
fn resources(moto: &Moto, stack: &str) -> BTreeMap<String, (String, String)> {
    let answer = moto.aws(&[
        "cloudformation",
        "list-stack-resources",
        "--stack-name",
        stack,
    ]);
    let own = list(&answer, "StackResourceSummaries").iter();
    // Of what it does not hold, moto lists nothing but that there is something.
    let held = own.filter(|one| one["ResourceType"].as_str() != Some(""));
    held.map(|one| {
        let of = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
        (
            of("LogicalResourceId"),
            (of("ResourceType"), of("PhysicalResourceId")),
        )
    })
    .collect()
}

/// Logical names and types of the template's resources that moto holds where nothing but the filters is set.
fn expected() -> BTreeMap<String, String> {
    let all = template()["Resources"].as_object().expect("an object");
    let held = all.iter().filter(|(_, one)| {
        let is_wanted = one["Condition"] != "HasOtherArrivals";
        is_wanted && !NOT_HELD.contains(&text(one, "Type"))
    });
    held.map(|(name, one)| (name.clone(), text(one, "Type").to_owned()))
        .collect()
}

fn function_of(moto: &Moto, stack: &str) -> Value {
    let name = &resources(moto, stack)["Function"].1;
    moto.aws(&[
        "lambda",
        "get-function-configuration",
        "--function-name",
        name,
    ])
}

/// The repositories that the role of a stack is let into.
fn repositories(moto: &Moto, stack: &str) -> Vec<String> {
    let role = &resources(moto, stack)["Role"].1;
    let words = [
        "iam",
        "get-role-policy",
        "--role-name",
        role,
        "--policy-name",
        "images",
    ];
    let policy = moto.aws(&words);
    let statements = list(&policy["PolicyDocument"], "Statement").iter();
    let own = statements
        .clone()
        .find(|one| one["Sid"] == "ReadAndWriteImages");
    texts(own.expect("it is there"), "Resource")
}

fn arn(repository: &str) -> String {
    format!("arn:aws:ecr:eu-central-1:123456789012:repository/{repository}")
}

fn removed(moto: &Moto, stack: &str) {
    let _ = moto.aws(&["cloudformation", "delete-stack", "--stack-name", stack]);
    let left = moto.holds(&format!("{stack}-"));
    assert_eq!(left, Vec::<&str>::new(), "{stack}");
}

#[test]
fn deployed_side_by_side_updated_and_removed_without_remains() {
    let moto = moto_with_bucket();
    let filters = "SociRepositoryImageTagFilters=team/*:v*,shared/base:latest";
    let first = deploy(&moto, "stack-one", &[filters]).success();
    for output in template()["Outputs"].as_object().expect("an object").keys() {
        assert!(first.contains(output), "{output}: {first}");
    }
    assert!(first.contains("aws cloudformation delete-stack --stack-name stack-one"));
    // moto takes a list's default for a text, so it is told.
    let all = ["SociRepositoryImageTagFilters=*:*", "OutputTag=lazy-{tag}"];
    let second = deploy(&moto, "stack-two", &all).success();
    assert!(second.contains("stack-two-Function"), "{second}");

    let (one, two) = (resources(&moto, "stack-one"), resources(&moto, "stack-two"));
    for own in [&one, &two] {
        let types = own
            .iter()
            .map(|(name, (kind, _))| (name.clone(), kind.clone()));
        assert_eq!(types.collect::<BTreeMap<_, _>>(), expected());
    }
    let names = |of: &BTreeMap<String, (String, String)>| -> BTreeSet<String> {
        // A custom resource's name is its own, and a permission has none in moto.
        let named = of
            .values()
            .filter(|(kind, name)| kind != "Custom::RepositoryArns" && !name.is_empty());
        named.map(|(_, name)| name.clone()).collect()
    };
    let both: Vec<_> = names(&one).intersection(&names(&two)).cloned().collect();
    assert_eq!(both, Vec::<String>::new(), "they share nothing");

    assert_eq!(
        repositories(&moto, "stack-one"),
        [arn("shared/base"), arn("team/*")]
    );
    assert_eq!(repositories(&moto, "stack-two"), [arn("*")]);
    let function = function_of(&moto, "stack-one");
    let environment = &function["Environment"]["Variables"];
    assert_eq!(environment["SOCI_FILTERS"], "team/*:v*,shared/base:latest");
    assert_eq!(function["Runtime"], "provided.al2023");

    // Again, with another setting: the stack that is there is updated, and stays one.
    let other = [
        "SociRepositoryImageTagFilters=other:*",
        "MinLayerBytes=1000",
    ];
    let _ = deploy(&moto, "stack-one", &other).success();
    let environment = function_of(&moto, "stack-one")["Environment"]["Variables"].clone();
    assert_eq!(environment["SOCI_FILTERS"], "other:*");
    assert_eq!(environment["SOCI_MIN_LAYER_BYTES"], "1000");
    let after = resources(&moto, "stack-one");
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        one.keys().collect::<Vec<_>>()
    );
    assert_eq!(
        resources(&moto, "stack-two"),
        two,
        "the other one is as it was"
    );

    removed(&moto, "stack-one");
    assert_eq!(
        resources(&moto, "stack-two"),
        two,
        "the other one is as it was"
    );
    removed(&moto, "stack-two");
}

/// moto looks at no pattern, so that this value reaches the function, as one that a pattern cannot refuse would. Our own command looks, so
/// it is AWS's that deploys here.
#[test]
fn a_setting_that_the_function_refuses_fails_the_stack_with_its_words() {
    let moto = moto_with_bucket();
    let filters = "SociRepositoryImageTagFilters=*:*";
    let _ = deploy(&moto, "stack-right", &[filters]).success();
    let objects = moto.aws(&["s3api", "list-objects-v2", "--bucket", BUCKET]);
    let key = text(&list(&objects, "Contents")[0], "Key").to_owned();
    let (folder, _) = key.rsplit_once('/').expect("it lies in a folder");
    let template = facts::root().join("template.yaml");
    let words = [
        "cloudformation",
        "deploy",
        "--stack-name",
        "stack-wrong",
        "--capabilities",
        "CAPABILITY_IAM",
        "--template-file",
        template.to_str().expect("UTF-8"),
        "--parameter-overrides",
        filters,
        &format!("QSS3BucketName={BUCKET}"),
        &format!("QSS3KeyPrefix={folder}/"),
        "SpanBytes=4 MiB",
    ];
    let said = moto.run(&from_xtask("SOCI_AWS_PROGRAMS").join("aws"), &words);
    is_refused(&said, &["SOCI_SPAN_BYTES", "4 MiB", "65536 to 1073741824"]);
}

fn is_refused(said: &Said, parts: &[&str]) {
    let (output, errors) = (&said.output, &said.errors);
    assert!(!said.status.success(), "{output}");
    for part in parts {
        assert!(errors.contains(part), "{part}: {output}{errors}");
    }
}

#[test]
fn what_is_wrong_with_the_command_is_told_before_anything_is_built() {
    let moto = Moto::start();
    let said = deploy(&moto, "stack", &["SpanBytes=4 MiB"]);
    is_refused(&said, &["SpanBytes", "4 MiB", "65536 to 1073741824"]);
    assert!(!said.output.contains("building"), "{}", said.output);
    let said = deploy(&moto, "stack", &[]);
    is_refused(&said, &["there is no bucket assets"]);
    assert!(!said.output.contains("building"), "{}", said.output);
    let moto = moto_with_bucket();
    let page = facts::root().join("README.md");
    let said = deploy(&moto, "stack", &["--zip", page.to_str().expect("UTF-8")]);
    is_refused(&said, &["README.md", "it is no zip"]);
    assert!(!said.output.contains("uploading"), "{}", said.output);
}

#[test]
fn what_aws_refuses_fails_the_command_with_its_words() {
    let moto = moto_with_bucket();
    let said = deploy(&moto, "", &[]);
    is_refused(&said, &["StackName", "aws cloudformation deploy"]);
}

/// The command that removes is told in the document as it is tried here.
#[test]
fn the_document_names_the_commands() {
    let document = std::fs::read_to_string(facts::root().join("docs/deploy.md"));
    let document = document.expect("it is read");
    for command in [
        "cargo xtask deploy cloudformation --bucket BUCKET --stack",
        "aws cloudformation delete-stack --stack-name",
    ] {
        assert!(document.contains(command), "{command}");
    }
}
