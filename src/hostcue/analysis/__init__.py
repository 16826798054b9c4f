"""A segment and what was said around it become lines to say.

`frames` looks into the file, `prompt` and `answer` are the pure ends of a model call, `qwen` and
`dashscope` make it, `templates` does without a model.
"""
