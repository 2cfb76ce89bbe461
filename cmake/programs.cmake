# What is built from the core: grows with the project.
