output "function_name" {
  description = "The function"
  value       = module.soci_index_builder.function_name
}

output "repository_arns" {
  description = "What it may read and write"
  value       = module.soci_index_builder.repository_arns
}

output "event_patterns" {
  description = "What wakes it"
  value       = module.soci_index_builder.event_patterns
}

output "nothing" {
  description = "Outputs of an instance that creates nothing"
  value       = module.nothing
}
