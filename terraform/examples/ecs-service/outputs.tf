output "image" {
  description = "What the tasks run"
  value       = local.image
}

output "service_name" {
  description = "The service"
  value       = aws_ecs_service.service.name
}
