"""What a build is made from: contexts out of archives, Git repositories and typed Dockerfiles."""
