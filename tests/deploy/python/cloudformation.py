"""moto's server, whose CloudFormation calls custom resources as AWS's does.

moto itself leaves a stack waiting for ever. Here the program out of the function's own zip is started with the environment that the stack gave
it, between a runtime API and the event, and its answer is waited for: to Create, to Update, and to Delete, which comes before the function goes.
An answer of failure is the stack's failure, with the function's reason; what AWS would then roll back stays.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from moto.awslambda.utils import get_backend
from moto.cloudformation import models, parsing
from moto.cloudformation.custom_model import CustomModel
from moto.cloudformation.exceptions import ValidationError
from moto.server import main

PATIENCE_SECONDS = 60


class Servers(BaseHTTPRequestHandler):
    """Both addresses that the function talks to: the runtime API, and where the answer for the stack goes."""

    def do_GET(self):
        event = self.server.events.pop() if self.server.events else None
        if event is None:
            self.server.ended.wait(PATIENCE_SECONDS)
            return
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4()))
        self.send_header("Lambda-Runtime-Deadline-Ms", "4102444800000")
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", self.server.arn)
        self.send_header("Content-Length", str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self):
        self.body()
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.ended.set()

    def do_PUT(self):
        self.server.answer = json.loads(self.body())
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def body(self):
        return self.rfile.read(int(self.headers["Content-Length"]))

    def log_message(self, *_):
        pass


def answer_of(function, event):
    """What the function answers to a stack's request."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Servers)
    server.daemon_threads = True
    server.ended, server.answer, server.arn = threading.Event(), None, function.function_arn
    host = f"127.0.0.1:{server.server_port}"
    event["ResponseURL"] = f"http://{host}/answer"
    server.events = [json.dumps(event).encode()]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(io.BytesIO(function.code_bytes)).extract("bootstrap", folder)
        program = os.path.join(folder, "bootstrap")
        os.chmod(program, 0o755)
        environment = {
            "AWS_LAMBDA_RUNTIME_API": host,
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": "",
            "AWS_LAMBDA_LOG_STREAM_NAME": "",
            "AWS_REGION": function.region,
            "AWS_ACCESS_KEY_ID": "AKIDTEST",
            "AWS_SECRET_ACCESS_KEY": "nobody's",
            # moto keeps a template's numbers as numbers; to AWS they are texts.
            **{name: str(value) for name, value in function.environment_vars.items()},
        }
        process = subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL)
        try:
            end = time.monotonic() + PATIENCE_SECONDS
            while not server.ended.wait(0.1) and process.poll() is None and time.monotonic() < end:
                pass
        finally:
            process.kill()
            process.wait()
            server.ended.set()
            server.shutdown()
    if server.answer is None:
        raise ValidationError(message=f"the function did not answer the stack's {event['RequestType']}")
    return server.answer


class Waiting(CustomModel):
    """A custom resource that is there once the function has answered."""

    # moto sorts what it holds by where it is defined.
    __module__ = CustomModel.__module__

    def ask(self, kind, account_id, properties, extra):
        function = get_backend(account_id, self.region_name).get_function(properties["ServiceToken"])
        event = {
            "RequestType": kind,
            "ServiceToken": properties["ServiceToken"],
            "StackId": self.stack_id,
            "RequestId": str(uuid.uuid4()),
            "LogicalResourceId": self.logical_id,
            "ResourceType": self.type,
            "ResourceProperties": properties,
            **extra,
        }
        answer = answer_of(function, event)
        for field in ("StackId", "RequestId", "LogicalResourceId"):
            if answer[field] != event[field]:
                raise ValidationError(message=f"the answer is to another request: {answer}")
        if answer["Status"] != "SUCCESS":
            raise ValidationError(message=f"{self.logical_id}: {answer['Reason']}")
        self.properties = properties
        self.resource_name = answer["PhysicalResourceId"]
        self.set_data(answer.get("Data", {}))

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        own = cls(region_name, "", kwargs["LogicalId"], resource_name)
        own.stack_id, own.type = kwargs["StackId"], kwargs["ResourceType"]
        own.ask("Create", account_id, cloudformation_json["Properties"], {})
        return own

    @classmethod
    def update_from_cloudformation_json(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
        properties = cloudformation_json["Properties"]
        old = {"PhysicalResourceId": original_resource.resource_name, "OldResourceProperties": original_resource.properties}
        original_resource.ask("Update", account_id, properties, old)
        return original_resource

    def delete(self, account_id, region_name):
        self.ask("Delete", account_id, self.properties, {"PhysicalResourceId": self.resource_name})


def delete_custom_resources_first(delete):
    def deleted(resources):
        for name, resource in list(resources._parsed_resources.items()):
            if isinstance(resource, Waiting):
                resource.delete(resources._account_id, resources._region_name)
                del resources._parsed_resources[name]
                del resources._resource_json_map[name]
        delete(resources)

    return deleted


def without_no_value(clean_json):
    """AWS::NoValue leaves nothing behind in a list; moto leaves a null."""

    def cleaned(value, resources):
        value = clean_json(value, resources)
        return [one for one in value if one is not None] if isinstance(value, list) else value

    return cleaned


def with_outputs(apply):
    """A stack that a change set makes has its outputs and exports too; moto takes them from the empty stack before it."""

    def applied(change_set):
        apply(change_set)
        stack = change_set.stack
        stack.output_map = parsing.OutputMap(stack.resource_map, change_set.template_dict, stack.stack_id)
        backend = models.cloudformation_backends[stack.account_id][stack.region_name]
        backend.exports.update({export.name: export for export in stack.exports})

    return applied


def staying(update):
    """What moto cannot update stays as it was; moto would forget it."""

    def updated(logical_id, resource_json, resources, account_id, region_name):
        new = update(logical_id, resource_json, resources, account_id, region_name)
        return resources[logical_id] if new is None else new

    return updated


models.ChangeSet.apply = with_outputs(models.ChangeSet.apply)
parsing.parse_and_update_resource = staying(parsing.parse_and_update_resource)
parsing.CustomModel = Waiting
parsing.clean_json = without_no_value(parsing.clean_json)
parsing.ResourceMap.delete = delete_custom_resources_first(parsing.ResourceMap.delete)
sys.exit(main(sys.argv[1:]))
