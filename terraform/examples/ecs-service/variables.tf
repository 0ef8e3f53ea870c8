variable "region" {
  description = "Region of the service and its repository"
  type        = string
  default     = "eu-central-1"
}

variable "name" {
  description = "Name of the service"
  type        = string
  default     = "lazy-service"
}

variable "cluster_arn" {
  description = "Amazon ECS cluster"
  type        = string
}

variable "vpc_id" {
  description = "Network of the load balancer"
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the tasks; they must reach Amazon ECR and Amazon S3"
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security groups of the tasks"
  type        = list(string)
}

variable "listener_arn" {
  description = "Listener of an application load balancer"
  type        = string
}

variable "repository" {
  description = "Repository in the account's own Amazon ECR registry. Lazy loading knows no other registry"
  type        = string
  default     = "team-a/api"
}

variable "tag" {
  description = "Tag that was pushed"
  type        = string
}

variable "output_tag" {
  description = "The index builder's output_tag"
  type        = string
  default     = "{tag}-soci"
}

variable "port" {
  description = "Port of the container"
  type        = number
  default     = 8080
}

variable "health_check_path" {
  description = "What the load balancer asks for"
  type        = string
  default     = "/health"
}
