"""The parts of deploy.py: what to deploy, how it is packaged, uploaded, changed and checked."""
