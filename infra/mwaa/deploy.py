"""Deploys the warehouse to AWS: `python -m infra.mwaa.deploy COMMAND ENVIRONMENT`.

ENVIRONMENT is a file of infra/mwaa/parameters without .json, or a path. Credentials are those of boto3 (AWS_PROFILE …).
Exit codes: 0 done, 1 AWS or the network refused, 2 the input is wrong and nothing was done.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from infra.mwaa.deployment import package, plan, release, smoke
from infra.mwaa.deployment.cloud import explain
from infra.mwaa.deployment.cloud_users import statements as cloud_statements
from infra.mwaa.deployment.operator_machine import operate
from infra.mwaa.deployment.passwords import rotate as rotate_password
from infra.mwaa.deployment.run import Deployment
from warehouse.errors import BadInput, OperationFailed

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Environment = Annotated[str, typer.Argument(help="dev, prod, … or a path to a parameters file")]
Poll = Annotated[float, typer.Option(help="seconds between two polls of AWS", min=0.01)]


@app.command()
def validate(environment: Environment) -> None:
    """Check parameters against templates; sends no request to AWS."""
    found = plan.load(environment)
    for stack in found.stacks:
        typer.echo(f"{found.stack_name(stack)}: {stack.template.path.name}, {len(stack.template.resources)} resources")


@app.command("package")
def package_command(
    environment: Environment, out: Annotated[Path, typer.Option(help="folder to write to")] = Path("dist/mwaa")
) -> None:
    """Write what would be uploaded into a folder."""
    built = package.build(out, plan.load(environment).airflow_version)
    typer.echo(f"release {built.release_id}: {built.project_zip} ({built.project_zip.stat().st_size:,} bytes)")
    typer.echo(f"ClickHouse bundle {built.bundle_sha256[:16]}: {built.bundle_zip}")


@app.command()
def deploy(
    environment: Environment,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what would change, change nothing")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="do not roll back if the smoke test fails")] = False,
    no_rollback: Annotated[
        bool, typer.Option("--no-rollback", help="leave a failed stack as it is, for inspection")
    ] = False,
    poll: Poll = 10.0,
) -> None:
    """Create or update everything, test it, and roll back if the test fails."""
    deployment = Deployment(plan.load(environment), typer.echo, poll)
    if dry_run:
        deployment.preview()
        typer.echo("Dry run: nothing was changed.")
        return
    done = deployment.deploy(keep_on_failure=keep, roll_back=not no_rollback)
    typer.echo(f"release {done.ReleaseId} runs: {deployment.outputs().get('AirflowUrl', '')}")


@app.command()
def status(environment: Environment) -> None:
    """Show each stack's state, and the releases that a rollback can restore."""
    deployment = Deployment(plan.load(environment), typer.echo, 1)
    for stack in deployment.plan.stacks:
        found = deployment.stacks.describe(deployment.plan.stack_name(stack))
        typer.echo(f"{deployment.plan.stack_name(stack)}: {found['StackStatus'] if found else 'not there'}")
    bucket = deployment.outputs().get("CodeBucketName")
    for entry in release.deployed(deployment.cloud, bucket) if bucket else []:
        typer.echo(f"release {entry.ReleaseId}")


@app.command("smoke")
def smoke_command(environment: Environment) -> None:
    """Run the smoke test against the deployed environment."""
    deployment = Deployment(plan.load(environment), typer.echo, 1)
    checks = smoke.run(deployment.cloud, deployment.plan, None, deployment.outputs())
    for check in checks:
        typer.echo(f"{'ok  ' if check.good else 'BAD '} {check.name}: {check.found}")
        if not check.good:
            typer.echo(f"     look at: {check.act}")
    if not all(check.good for check in checks):
        raise OperationFailed(f"{sum(not check.good for check in checks)} of {len(checks)} checks failed.")


@app.command()
def rollback(
    environment: Environment,
    to: Annotated[str | None, typer.Option("--release", help="release id, else the one before")] = None,
    poll: Poll = 10.0,
) -> None:
    """Restore an earlier release: DAGs, code, startup script and requirements together."""
    done = Deployment(plan.load(environment), typer.echo, poll).roll_back(to)
    typer.echo(f"release {done.ReleaseId} runs again")


@app.command()
def rotate(
    environment: Environment,
    role: Annotated[str, typer.Argument(help="admin, ingest, transform, auditor or researcher")],
) -> None:
    """Give one ClickHouse user a new password; the server uses it within 5 minutes."""
    deployment = Deployment(plan.load(environment), typer.echo, 1)
    rotate_password(deployment.cloud, deployment.plan, role)
    typer.echo(f"svc_{role} has a new password in Secrets Manager; ClickHouse uses it within 5 minutes.")


@app.command()
def operator(
    environment: Environment, action: Annotated[str, typer.Argument(help="start, stop or status")] = "status"
) -> None:
    """The machine inside the network for migrations, doctor and acceptance; it stops itself after some hours."""
    deployment = Deployment(plan.load(environment), typer.echo, 1)
    for line in operate(deployment, action):
        typer.echo(line)


@app.command("cloud-users")
def cloud_users(environment: Environment) -> None:
    """Print the SQL that creates the service users in a ClickHouse Cloud service; contains digests, no passwords."""
    deployment = Deployment(plan.load(environment), typer.echo, 1)
    for statement in cloud_statements(deployment.cloud, deployment.plan):
        typer.echo(statement)


def main() -> None:
    """Run the command line; every known error is one line and an exit code."""
    try:
        app()
    except BadInput as error:
        typer.echo(f"deploy: {error}", err=True)
        sys.exit(2)
    except OperationFailed as error:
        typer.echo(f"deploy: {error}", err=True)
        sys.exit(1)
    except (ClientError, BotoCoreError) as error:
        typer.echo(f"deploy: {explain(error, 'this region')}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
