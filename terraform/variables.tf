################################################################################
# What is indexed
################################################################################

variable "filters" {
  description = "Which images are indexed when they arrive: repository:tag with the wildcards * ? [abc] [!abc]. *:* is every image of the registry, and gives the function access to every repository; other filters give it access to those that they name"
  type        = list(string)
  default     = ["*:*"]
  nullable    = false

  validation {
    condition     = length(var.filters) > 0 && alltrue([for filter in var.filters : length(filter) <= 1024 && can(regex("^(?:[a-z0-9._/*?-]|\\[!?[a-z0-9._/-]+\\])+:(?:[A-Za-z0-9._*?-]|\\[!?[A-Za-z0-9._-]+\\])+$", filter))])
    error_message = "There must be at least one filter, and each must be a repository:tag wildcard of at most 1,024 characters such as team/*:v* or app:latest."
  }
}

variable "excludes" {
  description = "Images that are not indexed although a filter names them. Written like the filters"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for filter in var.excludes : length(filter) <= 1024 && can(regex("^(?:[a-z0-9._/*?-]|\\[!?[a-z0-9._/-]+\\])+:(?:[A-Za-z0-9._*?-]|\\[!?[A-Za-z0-9._-]+\\])+$", filter))])
    error_message = "Each exclude must be a repository:tag wildcard of at most 1,024 characters such as *:*-dev."
  }
}

variable "index_version" {
  description = "Format of the index, V2 or V1. AWS Fargate takes V1 only in accounts that used it before"
  type        = string
  default     = "V2"
  nullable    = false

  validation {
    condition     = contains(["V1", "V2"], var.index_version)
    error_message = "index_version must be V2 or V1."
  }
}

variable "output_tag" {
  description = "Under which tag the indexed image goes; {tag} stands for the source's. The tag that was pushed is never changed"
  type        = string
  default     = "{tag}-soci"
  nullable    = false

  validation {
    condition     = length(var.output_tag) <= 132 && can(regex("^(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,126}\\{tag\\}[A-Za-z0-9_.-]{0,126}|\\{tag\\}[A-Za-z0-9_.-]{1,127})$", var.output_tag))
    error_message = "output_tag must be a tag of at most 128 characters with one {tag} in it, which stands for the source's, such as {tag}-soci."
  }
}

variable "pass_through" {
  description = "Whether the output tag is set on the unchanged image when there is nothing to index, so that a pipeline can always deploy it"
  type        = bool
  default     = true
  nullable    = false
}

variable "index_other_arrivals" {
  description = "Whether images that arrive by replication or through a pull-through cache are indexed too"
  type        = bool
  default     = false
  nullable    = false
}

################################################################################
# How it is indexed
################################################################################

variable "min_layer_bytes" {
  description = "Bytes, compressed, 0 to 999999999999: layers with fewer get no zTOC, since fetching them whole costs less"
  type        = number
  default     = 10485760
  nullable    = false

  validation {
    condition     = var.min_layer_bytes >= 0 && var.min_layer_bytes <= 999999999999 && floor(var.min_layer_bytes) == var.min_layer_bytes
    error_message = "min_layer_bytes must be a whole number from 0 to 999999999999."
  }
}

variable "min_image_bytes" {
  description = "Bytes, compressed, 0 to 999999999999: platforms whose layers have fewer together are not indexed"
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.min_image_bytes >= 0 && var.min_image_bytes <= 999999999999 && floor(var.min_image_bytes) == var.min_image_bytes
    error_message = "min_image_bytes must be a whole number from 0 to 999999999999."
  }
}

variable "span_bytes" {
  description = "Bytes of a layer, uncompressed, between two checkpoints, 65536 to 1073741824"
  type        = number
  default     = 4194304
  nullable    = false

  validation {
    condition     = var.span_bytes >= 65536 && var.span_bytes <= 1073741824 && floor(var.span_bytes) == var.span_bytes
    error_message = "span_bytes must be a whole number from 65536 to 1073741824."
  }
}

variable "platforms" {
  description = "Platforms that are indexed, as os/architecture or os/architecture/variant. Empty is all of them"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for platform in var.platforms : can(regex("^[A-Za-z0-9_.-]{1,32}(?:/[A-Za-z0-9_.-]{1,32}){1,2}$", platform))])
    error_message = "Each platform must be os/architecture or os/architecture/variant, such as linux/arm64."
  }
}

variable "multi_member" {
  description = "What becomes of layers with several gzip members, of which soci-snapshotter reads everything since v0.14.0 only: skip or allow"
  type        = string
  default     = "skip"
  nullable    = false

  validation {
    condition     = contains(["skip", "allow"], var.multi_member)
    error_message = "multi_member must be skip or allow."
  }
}

variable "build_tool_identifier" {
  description = "Written into every zTOC and index. zTOCs of another identifier are not used again"
  type        = string
  default     = "soci-index-builder ztoc/1"
  nullable    = false

  validation {
    condition     = can(regex("^[ -~]{1,128}$", var.build_tool_identifier))
    error_message = "build_tool_identifier must be 1 to 128 printable ASCII characters."
  }
}

################################################################################
# The function
################################################################################

variable "create" {
  description = "Whether anything is created"
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Name of the function; what belongs to it is named after it. Two instances in one Region need two names"
  type        = string
  default     = "soci-index-builder"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,44}$", var.name))
    error_message = "name must be 1 to 44 letters, digits, hyphens and underscores."
  }
}

variable "zip_path" {
  description = "The function's zip on this machine, as cargo xtask package writes it. Either this or s3_bucket"
  type        = string
  default     = null

  validation {
    condition     = var.zip_path == null || try(fileexists(var.zip_path), false)
    error_message = "There is no file at zip_path: make it with cargo xtask package, or take it from a release."
  }
}

variable "s3_bucket" {
  description = "Bucket in the Region with the function's zip. Either this or zip_path"
  type        = string
  default     = null

  validation {
    condition     = var.s3_bucket == null || can(regex("^[0-9a-z](?:[0-9a-z.-]{1,61}[0-9a-z])$", var.s3_bucket))
    error_message = "s3_bucket must be the name of a bucket: 3 to 63 lower-case letters, digits, hyphens and dots."
  }
}

variable "s3_key_prefix" {
  description = "What stands before soci-index-builder-x86_64.zip or soci-index-builder-arm64.zip in the bucket. A new zip is taken when this changes"
  type        = string
  default     = "cfn-ecr-aws-soci-index-builder/"
  nullable    = false

  validation {
    condition     = can(regex("^(?:[!-~]+/)?$", var.s3_key_prefix))
    error_message = "s3_key_prefix must be empty or end with a slash."
  }
}

variable "architecture" {
  description = "Processor of the function, x86_64 or arm64. Any of them indexes images of every platform"
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "memory_size" {
  description = "MiB of memory of the function, 128 to 10240; 1,769 come with one core"
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size must be a whole number from 128 to 10240."
  }
}

variable "timeout" {
  description = "Seconds that one invocation may take, 30 to 900"
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.timeout >= 30 && var.timeout <= 900 && floor(var.timeout) == var.timeout
    error_message = "timeout must be a whole number from 30 to 900."
  }
}

variable "reserved_concurrency" {
  description = "Most invocations at the same time, taken from the account's, 1 to 999999; -1 is no limit and reserves none"
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = can(regex("^(?:-1|[1-9][0-9]{0,5})$", tostring(var.reserved_concurrency)))
    error_message = "reserved_concurrency must be -1 or a whole number from 1 on."
  }
}

################################################################################
# Its role
################################################################################

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the function's role"
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::(?:[0-9]{12}|aws):policy/[!-~]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a policy."
  }
}

variable "role_path" {
  description = "Path of the function's role"
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/(?:[!-~]{1,510}/)?$", var.role_path))
    error_message = "role_path must begin and end with a slash."
  }
}

################################################################################
# What is told
################################################################################

variable "alarm_topic_arn" {
  description = "Amazon SNS topic that is told of alarms. The alarms are made without it too"
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic_arn == null || can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$", var.alarm_topic_arn))
    error_message = "alarm_topic_arn must be the ARN of an Amazon SNS topic."
  }
}

variable "most_invocations_per_hour" {
  description = "Invocations in an hour from which on an alarm is raised, 1 to 1000000000"
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.most_invocations_per_hour >= 1 && var.most_invocations_per_hour <= 1000000000
    error_message = "most_invocations_per_hour must be from 1 to 1000000000."
  }
}

variable "result_event_bus_arn" {
  description = "Event bus that is told of every result"
  type        = string
  default     = null

  validation {
    condition     = var.result_event_bus_arn == null || can(regex("^arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9_./-]{1,256}$", var.result_event_bus_arn))
    error_message = "result_event_bus_arn must be the ARN of an event bus."
  }
}

variable "dashboard" {
  description = "Whether a CloudWatch dashboard is made"
  type        = bool
  default     = true
  nullable    = false
}

variable "log_level" {
  description = "How much is logged: error, warn, info or debug"
  type        = string
  default     = "info"
  nullable    = false

  validation {
    condition     = contains(["error", "warn", "info", "debug"], var.log_level)
    error_message = "log_level must be error, warn, info or debug."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept, one of CloudWatch's numbers of days"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "tags" {
  description = "Tags of everything that is created"
  type        = map(string)
  default     = {}
  nullable    = false
}
