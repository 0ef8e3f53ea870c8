//! Holds both roads of deployment, `template.yaml` and `terraform/`, to the facts in `infra/` and to each other.
//!
//! [`facts`] reads `infra/`; [`template`] evaluates the CloudFormation template as CloudFormation would, as far as it is used there;
//! [`terraform`] runs the module with the real AWS provider; [`moto`] imitates AWS's APIs; [`ruler`] is EventBridge's own engine;
//! [`parameter`] knows what each road takes; [`program`] starts programs. What AWS itself does with a deployment is not shown by any of
//! it.

pub mod facts;
pub mod moto;
pub mod parameter;
pub mod program;
pub mod ruler;
pub mod template;
pub mod terraform;
