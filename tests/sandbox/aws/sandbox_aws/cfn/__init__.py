"""CloudFormation: templates, their functions, and stacks that are created step by step."""
