# An Amazon ECS service on AWS Fargate that runs the indexed tag, with the settings that decide how much of a faster start is seen.

provider "aws" {
  region = var.region
}

data "aws_region" "current" {}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

locals {
  registry = "${data.aws_caller_identity.current.account_id}.dkr.ecr.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}"

  # What was pushed is var.tag; what is run is the tag that the index builder made of it.
  image = "${local.registry}/${var.repository}:${replace(var.output_tag, "{tag}", var.tag)}"
}

resource "aws_cloudwatch_log_group" "service" {
  name              = "/ecs/${var.name}"
  retention_in_days = 30
}

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "execution" {
  name_prefix        = "${substr(var.name, 0, 30)}-start-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_ecs_task_definition" "service" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 1024
  memory                   = 2048
  execution_role_arn       = aws_iam_role.execution.arn

  # Images are loaded lazily on Linux only, from platform version 1.4.0 on.
  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }

  container_definitions = jsonencode([
    {
      name      = "service"
      image     = local.image
      essential = true

      # Seconds between SIGTERM and SIGKILL. Each old task is waited for; what ends its work in 10 s need not be given the usual 30.
      stopTimeout = 10

      portMappings = [{ containerPort = var.port, protocol = "tcp" }]

      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = aws_cloudwatch_log_group.service.name
          awslogs-region        = data.aws_region.current.id
          awslogs-stream-prefix = "service"
        }
      }
    },
  ])
}

resource "aws_lb_target_group" "service" {
  name_prefix = "soci-"
  port        = var.port
  protocol    = "HTTP"
  target_type = "ip"
  vpc_id      = var.vpc_id

  # Seconds for which an old task is kept after it gets no new requests. The usual 300 hide any faster start in every deployment.
  deregistration_delay = 15

  # A task counts once it has answered twice, 5 s apart: 10 s after its start, where the usual 5 times 30 s would be 150 s.
  # A task that is loading lazily may answer slowly at first: it is given five misses.
  health_check {
    path                = var.health_check_path
    interval            = 5
    timeout             = 4
    healthy_threshold   = 2
    unhealthy_threshold = 5
  }
}

resource "aws_lb_listener_rule" "service" {
  listener_arn = var.listener_arn

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.service.arn
  }

  condition {
    path_pattern {
      values = ["/*"]
    }
  }
}

resource "aws_ecs_service" "service" {
  name             = var.name
  cluster          = var.cluster_arn
  task_definition  = aws_ecs_task_definition.service.arn
  launch_type      = "FARGATE"
  platform_version = "LATEST"
  desired_count    = 2

  # All new tasks start at once, beside all old ones: a deployment takes as long as one start.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  # Seconds for which failed health checks of a new task do not count.
  health_check_grace_period_seconds = 60

  network_configuration {
    subnets         = var.subnet_ids
    security_groups = var.security_group_ids
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.service.arn
    container_name   = "service"
    container_port   = var.port
  }

  depends_on = [aws_iam_role_policy_attachment.execution, aws_lb_listener_rule.service]
}
