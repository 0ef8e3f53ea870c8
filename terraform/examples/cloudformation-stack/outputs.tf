output "function_name" {
  description = "The function"
  value       = aws_cloudformation_stack.soci_index_builder.outputs["FunctionName"]
}
