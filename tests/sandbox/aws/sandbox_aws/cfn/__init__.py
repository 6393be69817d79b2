"""CloudFormation: templates, their functions, and stacks that are made step by step."""
